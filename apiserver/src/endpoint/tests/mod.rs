//! Whole verbs, in process, on the store in memory.

mod authority;
mod damage;
mod forms;
mod large;
mod paths;
mod protobuf;
mod reads;
mod watches;
mod writes;
