// What makes the tables and the data of the tests of annex-re2.
module annex.dev/e2e/regexp

go 1.26
