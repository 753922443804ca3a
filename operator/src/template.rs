//! The partial pod template of a workload, merged onto the generated one.
