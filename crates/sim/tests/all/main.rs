//! Each file is one behaviour.

mod a_seed_decides_everything;
mod the_store_keeps_its_promises;
