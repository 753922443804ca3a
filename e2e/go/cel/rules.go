package main

import (
	"os"
	"path/filepath"
	"strings"

	_ "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
)

// What is put into k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel, so that it writes down what it is asked and what it answers.
const rulesRecorder = `
package cel

import (
	"encoding/json"
	"os"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	apiservercel "k8s.io/apiserver/pkg/cel"
)

var factsLock sync.Mutex
var factsLimit uint64

type compiledFact struct {
	Kind        string ` + "`json:\"kind\"`" + `
	Schema      any    ` + "`json:\"schema\"`" + `
	Root        bool   ` + "`json:\"root,omitempty\"`" + `
	Rule        string ` + "`json:\"rule\"`" + `
	Optional    bool   ` + "`json:\"optional,omitempty\"`" + `
	Error       string ` + "`json:\"error,omitempty\"`" + `
	OldSelf     bool   ` + "`json:\"oldSelf,omitempty\"`" + `
	Max         uint64 ` + "`json:\"max\"`" + `
	Cardinality uint64 ` + "`json:\"cardinality\"`" + `
	Message      string ` + "`json:\"message,omitempty\"`" + `
	MessageError string ` + "`json:\"messageError,omitempty\"`" + `
	MessageMax   uint64 ` + "`json:\"messageMax,omitempty\"`" + `
}

type evaluatedFact struct {
	Kind     string ` + "`json:\"kind\"`" + `
	Schema   any    ` + "`json:\"schema\"`" + `
	Root     bool   ` + "`json:\"root,omitempty\"`" + `
	Rule     string ` + "`json:\"rule\"`" + `
	Optional bool   ` + "`json:\"optional,omitempty\"`" + `
	Object   any    ` + "`json:\"object\"`" + `
	Old      any    ` + "`json:\"old,omitempty\"`" + `
	Value    string ` + "`json:\"value,omitempty\"`" + `
	Error    string ` + "`json:\"error,omitempty\"`" + `
	Cost     uint64 ` + "`json:\"cost\"`" + `
}

func recordFact(fact any) {
	line, err := json.Marshal(fact)
	if err != nil || len(line) > 60000 {
		return
	}
	factsLock.Lock()
	defer factsLock.Unlock()
	file, err := os.OpenFile(os.Getenv("CEL_FACTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	file.Write(append(line, '\n'))
	file.Close()
}

func recordCompiled(s *schema.Structural, declared *apiservercel.DeclType, rule apiextensions.ValidationRule, result CompilationResult) {
	fact := compiledFact{Kind: "compiled", Schema: plainSchema(s), Rule: rule.Rule, Optional: rule.OptionalOldSelf != nil && *rule.OptionalOldSelf,
		OldSelf: result.UsesOldSelf, Max: result.MaxCost, Cardinality: result.MaxCardinality, Message: rule.MessageExpression, MessageMax: result.MessageExpressionMaxCost}
	_, has := s.Properties["metadata"]
	_, declares := declared.Fields["metadata"]
	fact.Root = declares && !has
	if result.Error != nil {
		fact.Error = result.Error.Detail
	}
	if result.MessageExpressionError != nil {
		fact.MessageError = result.MessageExpressionError.Detail
	}
	recordFact(fact)
}

func recordEvaluated(s *schema.Structural, root bool, rule apiextensions.ValidationRule, object, old any, value ref.Val, details *cel.EvalDetails, err error) {
	fact := evaluatedFact{Kind: "evaluated", Schema: plainSchema(s), Root: root, Rule: rule.Rule, Optional: rule.OptionalOldSelf != nil && *rule.OptionalOldSelf, Object: object, Old: old}
	if details != nil && details.ActualCost() != nil {
		fact.Cost = *details.ActualCost()
	}
	if err != nil {
		fact.Error = err.Error()
	} else if b, ok := value.Value().(bool); ok && b {
		fact.Value = "true"
	} else {
		fact.Value = "false"
	}
	recordFact(fact)
}

// A schema without its rules, as a definition has it.
func plainSchema(s *schema.Structural) map[string]any {
	if s == nil {
		return nil
	}
	out := map[string]any{}
	set := func(name string, value any, has bool) {
		if has {
			out[name] = value
		}
	}
	set("type", s.Type, s.Type != "")
	set("nullable", true, s.Nullable)
	set("default", s.Default.Object, s.Default.Object != nil)
	set("x-kubernetes-int-or-string", true, s.XIntOrString)
	set("x-kubernetes-embedded-resource", true, s.XEmbeddedResource)
	set("x-kubernetes-preserve-unknown-fields", true, s.XPreserveUnknownFields)
	if s.XListType != nil {
		out["x-kubernetes-list-type"] = *s.XListType
	}
	set("x-kubernetes-list-map-keys", s.XListMapKeys, len(s.XListMapKeys) > 0)
	if s.Items != nil {
		out["items"] = plainSchema(s.Items)
	}
	if s.Properties != nil {
		properties := map[string]any{}
		for name, property := range s.Properties {
			properties[name] = plainSchema(&property)
		}
		out["properties"] = properties
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		out["additionalProperties"] = plainSchema(s.AdditionalProperties.Structural)
	}
	if v := s.ValueValidation; v != nil {
		set("format", v.Format, v.Format != "")
		set("required", v.Required, len(v.Required) > 0)
		if v.MaxLength != nil {
			out["maxLength"] = *v.MaxLength
		}
		if v.MaxItems != nil {
			out["maxItems"] = *v.MaxItems
		}
		if v.MaxProperties != nil {
			out["maxProperties"] = *v.MaxProperties
		}
		var enum []any
		for _, e := range v.Enum {
			enum = append(enum, e.Object)
		}
		set("enum", enum, len(enum) > 0)
	}
	return out
}
`

// The rules that the tests of schemas compile and evaluate.
func recordedRules() []string {
	const name, pkg = "k8s.io/apiextensions-apiserver", "pkg/apiserver/schema/cel"
	dir := filepath.Join(module(name), pkg)
	read := func(name string) string { return string(must(os.ReadFile(filepath.Join(dir, name)))) }
	change := func(text, from, to string) string {
		if !strings.Contains(text, from) {
			panic("not found: " + from)
		}
		return strings.Replace(text, from, to, 1)
	}
	compilation := change(read("compilation.go"),
		"compResults[i] = compileRule(s, rule, ruleEnvSet, envLoader, estimator, maxCardinality, perCallLimit)",
		"compResults[i] = compileRule(s, rule, ruleEnvSet, envLoader, estimator, maxCardinality, perCallLimit)\n\t\trecordCompiled(s, declType, rule, compResults[i])")
	compilation = change(compilation, "fmt.Sprintf(\"selfType%d\", time.Now().Nanosecond())", "fmt.Sprintf(\"selfType%d\", 1)")
	validation := change(read("validation.go"),
		"evalResult, evalDetails, err := compiled.Program.ContextEval(ctx, ruleActivation)",
		"evalResult, evalDetails, err := compiled.Program.ContextEval(ctx, ruleActivation)\n\t\trecordEvaluated(s.Schema, s.isResourceRoot, rule, obj, oldObj, evalResult, evalDetails, err)")
	return record(name, pkg, map[string]string{
		"compilation.go": compilation,
		"validation.go":  validation,
		"zz_facts.go":    rulesRecorder,
	})
}
