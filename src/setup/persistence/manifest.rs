//! The manifest below /var/lib: the files that were written, with their content, so that no others are
//! removed; and the set-ups with the states before the first change.
//!
//! The JSON form is read by later versions: its names stay as they are.

use super::{Content, Entry, Error, Persistence, Setup};
use crate::setup::Policy;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest<P> {
    pub setups: BTreeMap<IpAddr, Setup<P>>,
    /// The sysctls that were changed.
    pub entries: Vec<Entry>,
    pub files: BTreeMap<PathBuf, Content>,
    /// The directories that were created for the files. They are removed when they are empty.
    pub directories: BTreeSet<PathBuf>,
}

impl<P> Default for Manifest<P> {
    fn default() -> Manifest<P> {
        Manifest {
            setups: BTreeMap::new(),
            entries: Vec::new(),
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
        }
    }
}

impl<P: Policy> Manifest<P> {
    /// The path of the manifest below the root folder.
    pub fn path() -> PathBuf {
        format!("var/lib/ipvsadm/{}.json", P::COMMAND).into()
    }

    /// Reads the manifest. It is empty when there is no file.
    pub fn read(persistence: &Persistence) -> Result<Manifest<P>, Error> {
        let path = persistence.root.join(Manifest::<P>::path());
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| Error(path, io::Error::other(e)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
            Err(e) => Err(Error(path, e)),
        }
    }

    pub fn write(&self, persistence: &Persistence) -> Result<(), Error> {
        let path = Manifest::<P>::path();
        let text = serde_json::to_string(self).map_err(|e| Error(path.clone(), e.into()))?;
        persistence.write(&path, &Content::File(text), 0o600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::testing::TestPolicy;

    /// A manifest as the first version wrote it.
    const JSON: &str = r#"{"setups":{"10.0.0.1":{"word":"x","persist":true}},"entries":[],"files":{"etc/a":{"file":"text"},"etc/b":{"link":"../a"}},"directories":["etc"]}"#;

    #[test]
    fn the_json_form_stays() {
        let manifest: Manifest<TestPolicy> = serde_json::from_str(JSON).expect("a manifest");
        assert_eq!(serde_json::to_string(&manifest).expect("JSON"), JSON);
    }

    #[test]
    fn a_manifest_is_written_and_read() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let persistence = Persistence::below(root.path());
        assert_eq!(Manifest::<TestPolicy>::read(&persistence).expect("none"), Manifest::default());
        let manifest: Manifest<TestPolicy> = serde_json::from_str(JSON).expect("a manifest");
        manifest.write(&persistence).expect("written");
        assert_eq!(Manifest::read(&persistence).expect("read"), manifest);
        let path = root.path().join("var/lib/ipvsadm/test-setup.json");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).expect("a file"));
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "{").expect("written");
        let error = Manifest::<TestPolicy>::read(&persistence).expect_err("no JSON").to_string();
        assert!(error.starts_with(&format!("{}: EOF", path.display())), "{error}");
        fs::remove_file(&path).and_then(|()| fs::create_dir(&path)).expect("a directory");
        assert!(Manifest::<TestPolicy>::read(&persistence).is_err());
    }
}
