//! What a server really answers: TLS handshakes and discovery requests against its endpoints.
