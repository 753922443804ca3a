//! Whole verbs, in process, on the store in memory.

mod apply;
mod authority;
mod computed;
mod computed_writes;
mod connect;
mod conversion;
mod custom_resource;
mod damage;
mod forms;
mod large;
mod paths;
mod protobuf;
mod reads;
mod rules;
mod strategic;
mod subresources;
mod watches;
mod writes;
