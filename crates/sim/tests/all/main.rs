//! Each file is one behaviour.

mod a_seed_decides_everything;
mod planted_faults_are_found;
mod the_store_keeps_its_promises;
