//! `ipvsadm`: the arguments in, the exit status out.

#![cfg_attr(all(target_env = "gnu", not(test)), no_main)]

ipvsadm::program!(|run, words| run.ipvsadm(words));
