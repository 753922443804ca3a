//! Server-side apply of children: compares first, attributes drift, writes only what differs.
