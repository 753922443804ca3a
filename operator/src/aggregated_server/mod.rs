//! The reconciler of AggregatedServers.
