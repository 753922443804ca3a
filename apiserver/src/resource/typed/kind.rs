//! Names for types that no derive names.

/// Says what a type with a field `metadata: ObjectMeta` is called:
/// `kind!(Type: "group", "version", "plural", Namespaced)`, or `Cluster`. The kind is the type's name.
#[macro_export]
macro_rules! kind {
    ($type:ident : $group:literal, $version:literal, $plural:literal, Namespaced) => {
        $crate::kind!(@impl $type, $group, $version, $plural, NamespaceResourceScope);
    };
    ($type:ident : $group:literal, $version:literal, $plural:literal, Cluster) => {
        $crate::kind!(@impl $type, $group, $version, $plural, ClusterResourceScope);
    };
    (@impl $type:ident, $group:literal, $version:literal, $plural:literal, $scope:ident) => {
        impl $crate::reexports::kube::Resource for $type {
            type DynamicType = ();
            type Scope = $crate::reexports::k8s_openapi::$scope;

            fn kind((): &()) -> ::std::borrow::Cow<'_, str> {
                ::std::stringify!($type).into()
            }

            fn group((): &()) -> ::std::borrow::Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> ::std::borrow::Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> ::std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &$crate::reexports::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(
                &mut self,
            ) -> &mut $crate::reexports::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
