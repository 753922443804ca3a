//! The embedded store and the system around it: processes that die, files that are damaged, disks that are full.

mod damage;
mod full_disk;
mod kills;
mod ownership;
