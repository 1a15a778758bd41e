//! `ipvsadm-save`: the table to a file, or to standard output.

#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]

ipvsadm::program!(|run, words| run.save_program(words));
