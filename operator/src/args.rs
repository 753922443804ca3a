//! Command-line flags and their environment variables.
