// Package v1 is the version of gadgets.example.com in which Gadgets are stored.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.example.gadgets.v1
package v1
