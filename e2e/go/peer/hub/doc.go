// Package hub is the internal version of gadgets.example.com, to which and from which the others are converted, and in which
// the rules are.
//
// +k8s:deepcopy-gen=package
package hub
