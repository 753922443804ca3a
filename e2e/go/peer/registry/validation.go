package registry

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"annex.dev/e2e/peer/hub"
	"annex.dev/e2e/peer/v1"
)

const (
	mostFeatures  = 4
	longestColor  = 16
	highestPort   = 65535
	recreate      = "Recreate"
	rolling       = "Rolling"
	notNegative   = "must be greater than or equal to 0"
	scaleNegative = "should be a non-negative integer"
)

func validate(gadget *hub.Gadget) field.ErrorList {
	errs := validation.ValidateObjectMeta(&gadget.ObjectMeta, true, validation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateSpec(gadget)...)
}

func validateSpec(gadget *hub.Gadget) field.ErrorList {
	path, spec := field.NewPath("spec"), &gadget.Spec
	errs := validateScalars(path, spec)
	errs = append(errs, validateLimits(path.Child("limits"), spec.Limits)...)
	errs = append(errs, validateFeatures(path.Child("features"), spec.Features)...)
	errs = append(errs, validatePorts(path.Child("ports"), spec.Ports)...)
	errs = append(errs, validateParts(path, spec)...)
	errs = append(errs, validateStrategy(path.Child("strategy"), &spec.Strategy)...)
	return append(errs, validateNumbers(gadget)...)
}

func validateScalars(path *field.Path, spec *v1.GadgetSpec) field.ErrorList {
	errs := field.ErrorList{}
	if len(spec.Color) > longestColor {
		errs = append(errs, field.TooLong(path.Child("color"), spec.Color, longestColor))
	}
	if spec.Class == "" {
		errs = append(errs, field.Required(path.Child("class"), ""))
	} else if classes := []string{"Small", "Medium", "Large"}; !contains(classes, spec.Class) {
		errs = append(errs, field.NotSupported(path.Child("class"), spec.Class, classes))
	}
	if spec.MinReadySeconds < 0 {
		errs = append(errs, field.Invalid(path.Child("minReadySeconds"), spec.MinReadySeconds, notNegative))
	}
	return errs
}

func validateLimits(path *field.Path, limits *v1.Limits) field.ErrorList {
	if limits != nil && limits.Min != nil && limits.Max != nil && *limits.Min > *limits.Max {
		return field.ErrorList{field.Invalid(path.Child("min"), *limits.Min, "must be less than or equal to max")}
	}
	return nil
}

func validateFeatures(path *field.Path, features []string) field.ErrorList {
	errs := field.ErrorList{}
	if len(features) > mostFeatures {
		errs = append(errs, field.TooMany(path, len(features), mostFeatures))
	}
	seen := map[string]bool{}
	for i, feature := range features {
		if seen[feature] {
			errs = append(errs, field.Duplicate(path.Index(i), feature))
		}
		seen[feature] = true
	}
	return errs
}

func validatePorts(path *field.Path, ports []v1.Port) field.ErrorList {
	errs := field.ErrorList{}
	type key struct {
		port     int32
		protocol string
	}
	seen := map[key]bool{}
	for i, port := range ports {
		if port.Port < 1 || port.Port > highestPort {
			errs = append(errs, field.Invalid(path.Index(i).Child("port"), port.Port, "must be between 1 and 65535, inclusive"))
		}
		if protocols := []string{"TCP", "UDP"}; !contains(protocols, port.Protocol) {
			errs = append(errs, field.NotSupported(path.Index(i).Child("protocol"), port.Protocol, protocols))
		}
		if seen[key{port.Port, port.Protocol}] {
			errs = append(errs, field.Duplicate(path.Index(i), port))
		}
		seen[key{port.Port, port.Protocol}] = true
	}
	return errs
}

func validateParts(path *field.Path, spec *v1.GadgetSpec) field.ErrorList {
	errs := field.ErrorList{}
	seen := map[string]bool{}
	for i, part := range spec.Parts {
		name := path.Child("parts").Index(i).Child("name")
		if part.Name == "" {
			errs = append(errs, field.Required(name, "a part has a name"))
		} else if seen[part.Name] {
			errs = append(errs, field.Duplicate(name, part.Name))
		}
		seen[part.Name] = true
	}
	if spec.MainPart != "" && !seen[spec.MainPart] {
		errs = append(errs, field.NotFound(path.Child("mainPart"), spec.MainPart))
	}
	return errs
}

func validateStrategy(path *field.Path, strategy *v1.Strategy) field.ErrorList {
	errs := field.ErrorList{}
	switch strategy.Type {
	case recreate:
		if strategy.Rolling != nil {
			errs = append(errs, field.Forbidden(path.Child("rolling"), fmt.Sprintf("may not be specified when strategy `type` is '%s'", recreate)))
		}
	case rolling:
		if surge := strategy.Rolling.MaxSurge; surge.Type == intstr.Int && surge.IntVal < 0 {
			errs = append(errs, field.Invalid(path.Child("rolling", "maxSurge"), surge, notNegative))
		}
	default:
		errs = append(errs, field.NotSupported(path.Child("type"), strategy.Type, []string{recreate, rolling}))
	}
	return errs
}

// What a Scale shows, in the words of a CustomResourceDefinition with a scale subresource.
func validateNumbers(gadget *hub.Gadget) field.ErrorList {
	errs := field.ErrorList{}
	if replicas := gadget.Spec.Replicas; replicas != nil && *replicas < 0 {
		errs = append(errs, field.Invalid(field.NewPath(".spec.replicas"), *replicas, scaleNegative))
	}
	return append(errs, validateStatusNumbers(gadget)...)
}

func validateStatusNumbers(gadget *hub.Gadget) field.ErrorList {
	if replicas := gadget.Status.Replicas; replicas < 0 {
		return field.ErrorList{field.Invalid(field.NewPath(".status.replicas"), replicas, scaleNegative)}
	}
	return nil
}

// What is wrong with a changed object, but for its metadata.
func validateUpdate(gadget, old *hub.Gadget) field.ErrorList {
	errs := field.ErrorList{}
	if gadget.Spec.Class != old.Spec.Class {
		errs = append(errs, field.Invalid(field.NewPath("spec", "class"), gadget.Spec.Class, validation.FieldImmutableErrorMsg))
	}
	return append(errs, validateSpec(gadget)...)
}

func validateStatusUpdate(gadget, old *hub.Gadget) field.ErrorList {
	path := field.NewPath("status")
	errs := field.ErrorList{}
	if gadget.Status.ObservedGeneration < old.Status.ObservedGeneration {
		errs = append(errs, field.Invalid(path.Child("observedGeneration"), gadget.Status.ObservedGeneration, "must not go back"))
	}
	seen := map[string]bool{}
	for i, condition := range gadget.Status.Conditions {
		at := path.Child("conditions").Index(i)
		if condition.Type == "" {
			errs = append(errs, field.Required(at.Child("type"), ""))
		} else if seen[condition.Type] {
			errs = append(errs, field.Duplicate(at.Child("type"), condition.Type))
		}
		seen[condition.Type] = true
		if statuses := []string{"True", "False", "Unknown"}; !contains(statuses, condition.Status) {
			errs = append(errs, field.NotSupported(at.Child("status"), condition.Status, statuses))
		}
	}
	return append(errs, validateStatusNumbers(gadget)...)
}

func contains(values []string, value string) bool {
	for _, known := range values {
		if known == value {
			return true
		}
	}
	return false
}
