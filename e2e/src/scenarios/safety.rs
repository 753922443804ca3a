pub(super) const SCENARIOS: &[super::Scenario] = &[];
