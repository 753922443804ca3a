//! Wiring: client, lease, controllers, admin server, shutdown.
