//! The page of `ipvsadm rs-setup`, made from man/rs-setup.in and the options.
//!
//! `make pages` (UPDATE_PAGES=1) writes it; without, the test fails when the committed one is stale.

use std::path::Path;

#[test]
fn the_page_is_of_today() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let text = std::fs::read_to_string(here.join("rs-setup.in")).unwrap();
    let mut command = ipvsadm::rs_setup::args::command();
    command.build();
    let mut options = Vec::new();
    clap_mangen::Man::new(command).render_options_section(&mut options).unwrap();
    let options = String::from_utf8(options).unwrap();
    let made = format!(
        ".\\\" Made by 'make pages' from man/rs-setup.in and the options.\n\
         .TH IPVSADM\\-RS\\-SETUP 8 \"\" \"ipvsadm {}\" \"System administration\"\n\
         .SH NAME\nipvsadm\\-rs\\-setup \\- make a host a real server of Linux Virtual Server\n{}",
        env!("CARGO_PKG_VERSION"),
        text.replace("@OPTIONS@\n", &options),
    );
    for option in ["tun\\-type", "rp\\-filter", "gateway", "persist", "dry\\-run"] {
        assert!(made.contains(&format!("\\-\\-{option}")), "{option}");
    }
    assert!(!made.contains("\\-\\-root"));
    let path = here.join("ipvsadm-rs-setup.8");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "man/ipvsadm-rs-setup.8 is stale: run `make pages`");
}
