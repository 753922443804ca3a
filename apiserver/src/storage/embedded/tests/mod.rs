//! What an embedded store owes beyond a file that works: disks that lose power, fail and fill up.

mod contract;
mod disk;
mod faults;
mod formats;
mod history;
mod model;
mod power;
mod revisions;
