// Package v1beta1 is the older version of gadgets.example.com: spec.color is called colour, and spec.limits.burst is in spec.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.example.gadgets.v1beta1
package v1beta1
