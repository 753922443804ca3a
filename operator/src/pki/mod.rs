//! Certificates: issuing and reading them. Pure: no client, no clock of its own.
