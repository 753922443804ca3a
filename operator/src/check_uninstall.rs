//! Refuses to remove the CRDs while an AggregatedServer exists.
