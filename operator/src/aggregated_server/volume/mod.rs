//! The volume of embedded storage.
//!
//! | file | what | client |
//! |---|---|---|
//! | `size` | quantities as bytes | none |
//! | `growth` | what has to be done for a larger size | none |
//! | `raise` | has a claim ask for more | writes |
//! | `claim` | what is wrong with a claim | none |
//! | `departure` | names the volume of a server that was deleted | reads, Events |
//!
//! A StatefulSet's claims can never be changed in it. So a larger `size` goes to the claim itself first; then the
//! StatefulSet is deleted without its pod and volume, which the next one of its name takes up. Which of the steps is next
//! follows from what is there: an operator that ends between two of them goes on where it was.

pub mod claim;
pub mod departure;
pub mod growth;
pub mod raise;
pub mod size;
