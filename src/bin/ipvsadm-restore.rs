//! `ipvsadm-restore`: the table from a file, or from standard input.

#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]

ipvsadm::program!(|run, words| run.restore_program(words));
