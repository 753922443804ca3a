package main

import (
	"math/rand"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var letters = []rune("abcdefghijklmnopqrstuvwxyz0123456789-./\"\\\n\t<>&äß€𝄞\u2028 ")

func text(random *rand.Rand, most int) string {
	var text strings.Builder
	for range random.Intn(most + 1) {
		text.WriteRune(letters[random.Intn(len(letters))])
	}
	return text.String()
}

// Whether something that may be absent is there.
func some[T any](random *rand.Rand, make func() T) *T {
	if random.Intn(2) == 0 {
		return nil
	}
	return ptr(make())
}

func at(random *rand.Rand) metav1.Time {
	const years = 400
	return metav1.NewTime(time.Unix(random.Int63n(years*31_556_952)-years/4*31_556_952, 0).UTC())
}

func pairs(random *rand.Rand) map[string]string {
	pairs := map[string]string{}
	for range random.Intn(4) {
		pairs[text(random, 12)] = text(random, 40)
	}
	return pairs
}

func randomMeta(random *rand.Rand) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{
		Name: text(random, 20), GenerateName: text(random, 5), Namespace: text(random, 10), UID: types.UID(text(random, 36)),
		ResourceVersion: text(random, 10), Generation: random.Int63() >> random.Intn(63),
		DeletionTimestamp:          some(random, func() metav1.Time { return at(random) }),
		DeletionGracePeriodSeconds: some(random, random.Int63), Labels: pairs(random), Annotations: pairs(random),
	}
	if random.Intn(8) > 0 {
		meta.CreationTimestamp = at(random)
	}
	for range random.Intn(3) {
		meta.OwnerReferences = append(meta.OwnerReferences, metav1.OwnerReference{
			APIVersion: text(random, 8), Kind: text(random, 8), Name: text(random, 8), UID: types.UID(text(random, 8)),
			Controller:         some(random, func() bool { return random.Intn(2) == 0 }),
			BlockOwnerDeletion: some(random, func() bool { return random.Intn(2) == 0 }),
		})
	}
	for range random.Intn(3) {
		meta.Finalizers = append(meta.Finalizers, text(random, 12))
	}
	for range random.Intn(3) {
		meta.ManagedFields = append(meta.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: text(random, 8), Operation: metav1.ManagedFieldsOperationType(text(random, 6)), APIVersion: text(random, 8),
			Time: some(random, func() metav1.Time { return at(random) }), FieldsType: text(random, 8), Subresource: text(random, 6),
			FieldsV1: some(random, func() metav1.FieldsV1 {
				return metav1.FieldsV1{Raw: []byte(strings.Repeat(`{"f:a":`, random.Intn(20)) + "{}" + "")}
			}),
		})
	}
	for index := range meta.ManagedFields {
		if fields := meta.ManagedFields[index].FieldsV1; fields != nil {
			depth := strings.Count(string(fields.Raw), "f:a")
			fields.Raw = append(fields.Raw, strings.Repeat("}", depth)...)
		}
	}
	return meta
}

func writeRandom(random *rand.Rand) {
	version := []schema.GroupVersion{metav1.SchemeGroupVersion, v1beta1.SchemeGroupVersion}[random.Intn(2)]
	switch random.Intn(5) {
	case 0, 1:
		object := partial(randomMeta(random))
		object.SetGroupVersionKind(version.WithKind("PartialObjectMetadata"))
		writeObject(object, version)
	case 2:
		object := partial(randomMeta(random))
		object.SetGroupVersionKind(version.WithKind("PartialObjectMetadata"))
		writeEvent([]string{"ADDED", "MODIFIED", "DELETED"}[random.Intn(3)], object, version)
	case 3:
		var metas []metav1.ObjectMeta
		for range random.Intn(4) {
			metas = append(metas, randomMeta(random))
		}
		meta := metav1.ListMeta{ResourceVersion: text(random, 8), Continue: text(random, 30), RemainingItemCount: some(random, random.Int63)}
		writeObject(list(version, meta, metas), version)
	default:
		status := metav1.Status{
			Status: text(random, 8), Message: text(random, 200), Reason: metav1.StatusReason(text(random, 12)), Code: int32(random.Intn(1000)),
			Details: some(random, func() metav1.StatusDetails {
				details := metav1.StatusDetails{
					Name: text(random, 8), Group: text(random, 8), Kind: text(random, 8), UID: types.UID(text(random, 8)),
					RetryAfterSeconds: int32(random.Intn(1 << 15)),
				}
				for range random.Intn(4) {
					details.Causes = append(details.Causes, metav1.StatusCause{
						Type: metav1.CauseType(text(random, 8)), Message: text(random, 40), Field: text(random, 20),
					})
				}
				return details
			}),
		}
		writeObject(&status, metav1.SchemeGroupVersion)
	}
}
