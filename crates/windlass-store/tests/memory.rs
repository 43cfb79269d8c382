//! The store in memory takes the exam.

use windlass_store::MemoryStore;

windlass_store::exam!(async || (MemoryStore::new([7; 32]), ()));

mod moves {
    use super::MemoryStore;

    windlass_store::moving_exam!(async || (MemoryStore::new([7; 32]), ()));
}
