//! Text in roff.

/// The maximum width of a line.
const WIDTH: usize = 80;

/// Escapes a text: no line begins with a request, and hyphens can be copied.
pub fn text(plain: &str) -> String {
    let text = plain.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Folds the prose of a page and starts a line with each sentence. Requests and literal text stay.
pub fn fold(page: &str) -> String {
    let mut folded = String::with_capacity(page.len());
    let mut literal = false;
    for line in page.lines() {
        match line {
            ".nf" => literal = true,
            ".fi" => literal = false,
            _ => {}
        }
        if literal || line.starts_with(['.', '\'']) {
            folded += line;
            folded.push('\n');
            continue;
        }
        let mut width = 0;
        for word in line.split(' ') {
            let ends_a_sentence = folded.ends_with(". ") || folded.ends_with(": ");
            let breaks = width + word.len() > WIDTH
                || (width > 0 && ends_a_sentence && word.starts_with(char::is_uppercase));
            if width > 0 && breaks && !word.starts_with(['.', '\'']) {
                folded.pop();
                folded.push('\n');
                width = 0;
            }
            folded += word;
            folded.push(' ');
            width += word.len() + 1;
        }
        folded.pop();
        folded.push('\n');
    }
    folded
}

#[test]
fn long_lines_are_folded() {
    let long = "word ".repeat(40);
    let page = format!(".SH \"{long}\"\n{long}\n.nf\n{long}\n.fi\nOne. Two.\n");
    let folded = fold(&page);
    assert_eq!(folded.lines().filter(|line| line.len() > WIDTH).count(), 2);
    assert!(folded.ends_with("One.\nTwo.\n"));
    assert_eq!(folded.split_whitespace().count(), page.split_whitespace().count());
    // A line that begins with a dot is a request.
    let dots = format!("{}...", "a".repeat(WIDTH - 3)) + &" ...".repeat(30);
    assert!(fold(&dots).lines().skip(1).all(|line| !line.starts_with('.')));
}
