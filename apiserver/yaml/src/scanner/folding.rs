//! Breaks within scalars that go over several lines.

/// The breaks between two lines of a scalar, which become a space or stay.
#[derive(Default)]
pub(super) struct Breaks {
    /// The first break.
    pub(super) leading: String,
    /// Those of empty lines.
    pub(super) trailing: String,
}

impl Breaks {
    /// Adds to a text what they become: one break a space, of more all but the first stay.
    pub(super) fn fold(&mut self, into: &mut String) {
        if !self.leading.starts_with('\n') {
            into.push_str(&self.leading);
            into.push_str(&self.trailing);
        } else if self.trailing.is_empty() {
            into.push(' ');
        } else {
            into.push_str(&self.trailing);
        }
        self.leading.clear();
        self.trailing.clear();
    }
}
