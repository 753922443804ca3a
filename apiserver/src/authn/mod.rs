//! Who asks: front proxy, client certificate, token.
