//! Writes the generated code of etcd's gRPC API to where it is checked in: `make generate`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    annex_protogen::generate(&annex_protogen::checked_in())
}
