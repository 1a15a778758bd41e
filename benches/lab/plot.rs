//! The plot of the time of a load by the number of its rules.

use std::path::Path;
use std::process::Command;

pub fn draw(data: &Path, kernel: &str, to: &Path) {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let date = date.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
    let date = date.unwrap_or_default();
    let script = format!(
        "set terminal svg size 760,480 font 'sans-serif,13' background 'white'
set output '{}'
set title \"Loading a table: seconds, without the start of the process\\n\
         {{/*0.8 {date}. {kernel}}}\"
set xlabel 'rules (services of 9 servers each)'
set ylabel 'seconds'
set logscale xy
set format x '%.0f'
set format y '%g'
set grid
set key left top
set datafile missing '?'
plot '{data}' using 1:2 with linespoints lw 2 title 'ipvsadm 1.31', \
     '{data}' using 1:3 with linespoints lw 2 title 'ours', \
     '{data}' using 1:4 with linespoints lw 2 dashtype 2 title 'floor: the kernel alone'
",
        to.display(),
        data = data.display(),
    );
    let file = data.with_extension("gnuplot");
    std::fs::write(&file, script).expect("the script of the plot");
    let status = Command::new("gnuplot").arg(file).status().expect("gnuplot can be started");
    assert!(status.success(), "gnuplot: {status}");
}
