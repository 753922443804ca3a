// The sandbox image of the test cluster's pods.
module annex.dev/e2e/pause

go 1.26.0
