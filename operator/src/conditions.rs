//! Conditions as the Kubernetes API conventions define them.
