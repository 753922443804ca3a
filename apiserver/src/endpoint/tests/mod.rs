//! Whole verbs, in process, on the store in memory.

mod damage;
mod forms;
mod paths;
mod reads;
mod watches;
mod writes;
