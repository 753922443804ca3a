// Objects and watch events as k8s.io/apimachinery writes them in protobuf, one fact a line, for the tests of
// annex-apiserver's `protobuf`:
//
//	go run . [-random N] [-seed S] > facts.jsonl
//
// A fact is {"form", "object", "protobuf"}: the object as JSON, and the base64 of its bytes. Forms are `object` (an
// envelope, runtime.Unknown) and the type of a watch event (a frame of a stream).
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"time"

	internalscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var (
	out  = bufio.NewWriter(os.Stdout)
	info = protobufInfo()
)

func main() {
	count := flag.Int("random", 60, "how many random objects")
	seed := flag.Int64("seed", 1, "of what is random")
	flag.Parse()
	chosen()
	random := rand.New(rand.NewSource(*seed))
	for range *count {
		writeRandom(random)
	}
	if err := out.Flush(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func protobufInfo() runtime.SerializerInfo {
	info, ok := runtime.SerializerInfoForMediaType(internalscheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	if !ok {
		panic("no protobuf")
	}
	return info
}

// As handlers encode what a client asked for as another kind.
func encoded(object runtime.Object, version schema.GroupVersion) []byte {
	encoder := internalscheme.Codecs.EncoderForVersion(info.Serializer, version)
	var buffer bytes.Buffer
	if err := encoder.Encode(object, &buffer); err != nil {
		fail(err)
	}
	return buffer.Bytes()
}

func write(form string, object runtime.Object, version schema.GroupVersion, protobuf []byte) {
	jsonInfo, _ := runtime.SerializerInfoForMediaType(internalscheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	text, err := runtime.Encode(internalscheme.Codecs.EncoderForVersion(jsonInfo.Serializer, version), object)
	if err != nil {
		fail(err)
	}
	line, err := json.Marshal(map[string]any{
		"form":     form,
		"object":   json.RawMessage(bytes.TrimSpace(text)),
		"protobuf": base64.StdEncoding.EncodeToString(protobuf),
	})
	if err != nil {
		fail(err)
	}
	out.Write(line)
	out.WriteByte('\n')
}

func writeObject(object runtime.Object, version schema.GroupVersion) {
	write("object", object, version, encoded(object, version))
}

// As WatchServer writes an event: a WatchEvent without an envelope, behind its length.
func writeEvent(kind string, object runtime.Object, version schema.GroupVersion) {
	event := &metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: encoded(object, version)}}
	var buffer bytes.Buffer
	framer := info.StreamSerializer.Framer.NewFrameWriter(&buffer)
	if err := info.StreamSerializer.Serializer.Encode(event, framer); err != nil {
		fail(err)
	}
	write(kind, object, version, buffer.Bytes())
}

func ptr[T any](value T) *T { return &value }

func partial(meta metav1.ObjectMeta) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: meta}
}

func full() metav1.ObjectMeta {
	at := metav1.NewTime(time.Date(2026, 7, 8, 9, 10, 11, 0, time.UTC))
	before := metav1.NewTime(time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC))
	return metav1.ObjectMeta{
		Name: "fishy", GenerateName: "fish-", Namespace: "default", SelfLink: "/apis/self",
		UID: "0b2c7a41-3f63-43f4-8f1c-1c8b1a2f9a11", ResourceVersion: "18446744073709551615", Generation: 1 << 40,
		CreationTimestamp: at, DeletionTimestamp: &before, DeletionGracePeriodSeconds: ptr(int64(0)),
		Labels:      map[string]string{"b": "2", "a": "", "": "none", "ä/€": "𝄞"},
		Annotations: map[string]string{"text": "\"quoted\"\n\\ <&> \u2028", "k8s.io/initial-events-end": "true"},
		OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "v1", Kind: "Pod", Name: "p", UID: "u", Controller: ptr(true), BlockOwnerDeletion: ptr(false)},
			{},
		},
		Finalizers: []string{"example.com/hold", "", "foregroundDeletion"},
		ManagedFields: []metav1.ManagedFieldsEntry{
			{
				Manager: "kubectl", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "g/v1", Time: &at,
				FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:a":{},"k:{\"n\":1}":{".":{}}}}`)},
				Subresource: "status",
			},
			{FieldsV1: &metav1.FieldsV1{Raw: []byte("{}")}},
			{},
		},
	}
}

func chosen() {
	versions := []schema.GroupVersion{metav1.SchemeGroupVersion, v1beta1.SchemeGroupVersion}
	metas := []metav1.ObjectMeta{{}, full(), {Name: "n", Generation: -1, DeletionGracePeriodSeconds: ptr(int64(-30))}}
	lists := []metav1.ListMeta{
		{}, {ResourceVersion: "7", Continue: "eyJ2Ijoi", RemainingItemCount: ptr(int64(300))},
		{ResourceVersion: "1", RemainingItemCount: ptr(int64(0))},
	}
	for _, version := range versions {
		for _, meta := range metas {
			object := partial(meta)
			object.SetGroupVersionKind(version.WithKind("PartialObjectMetadata"))
			writeObject(object, version)
			for _, kind := range []string{"ADDED", "MODIFIED", "DELETED", "BOOKMARK"} {
				writeEvent(kind, object, version)
			}
		}
		for count, meta := range lists {
			writeObject(list(version, meta, metas[:count]), version)
		}
		writeObject(list(version, lists[1], metas), version)
	}
	for _, status := range statuses() {
		writeObject(&status, metav1.SchemeGroupVersion)
		writeEvent("ERROR", &status, metav1.SchemeGroupVersion)
	}
	for _, options := range []metav1.DeleteOptions{
		{},
		{
			GracePeriodSeconds: ptr(int64(30)), OrphanDependents: ptr(false), PropagationPolicy: ptr(metav1.DeletePropagationForeground),
			Preconditions: &metav1.Preconditions{UID: ptr(types.UID("u")), ResourceVersion: ptr("5")}, DryRun: []string{"All"},
			IgnoreStoreReadErrorWithClusterBreakingPotential: ptr(true),
		},
		{GracePeriodSeconds: ptr(int64(-1)), Preconditions: &metav1.Preconditions{}, DryRun: []string{"", "All"}},
	} {
		writeObject(&options, metav1.SchemeGroupVersion)
	}
}

func list(version schema.GroupVersion, meta metav1.ListMeta, metas []metav1.ObjectMeta) runtime.Object {
	var items []metav1.PartialObjectMetadata
	for _, meta := range metas {
		item := partial(meta)
		item.SetGroupVersionKind(version.WithKind("PartialObjectMetadata"))
		items = append(items, *item)
	}
	if version == v1beta1.SchemeGroupVersion {
		return &v1beta1.PartialObjectMetadataList{ListMeta: meta, Items: items}
	}
	return &metav1.PartialObjectMetadataList{ListMeta: meta, Items: items}
}

func statuses() []metav1.Status {
	return []metav1.Status{
		{},
		{Status: metav1.StatusSuccess, Details: &metav1.StatusDetails{Name: "n", Group: "g", Kind: "flunders", UID: "u"}},
		{Status: metav1.StatusFailure, Code: 404, Reason: metav1.StatusReasonNotFound, Message: "flunders \"ä\" not found",
			Details: &metav1.StatusDetails{}},
		{Status: metav1.StatusFailure, Code: 410, Reason: metav1.StatusReasonExpired, Message: "too old", ListMeta: metav1.ListMeta{Continue: "token"}},
		{Status: metav1.StatusFailure, Code: 429, Reason: metav1.StatusReasonTooManyRequests, Details: &metav1.StatusDetails{RetryAfterSeconds: 300}},
		{Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid, Details: &metav1.StatusDetails{
			Causes: []metav1.StatusCause{{Type: "FieldValueInvalid", Message: "no", Field: "spec.a[0]"}, {}},
		}},
	}
}
