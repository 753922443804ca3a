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
	"context"
	"encoding/json"
	"hash/fnv"
	"math/rand"
	"os"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/warning"
)

var factsLock sync.Mutex

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
	Limit    uint64 ` + "`json:\"limit\"`" + `
}

type factWarnings struct{ all []string }

func (w *factWarnings) AddWarning(agent, text string) { w.all = append(w.all, text) }

type validatedFact struct {
	Kind    string ` + "`json:\"kind\"`" + `
	Schema  any    ` + "`json:\"schema\"`" + `
	Root    bool   ` + "`json:\"root,omitempty\"`" + `
	Path    string ` + "`json:\"path,omitempty\"`" + `
	Object  any    ` + "`json:\"object\"`" + `
	Old     any    ` + "`json:\"old,omitempty\"`" + `
	Ratchet bool   ` + "`json:\"ratchet,omitempty\"`" + `
	Limit   uint64 ` + "`json:\"limit\"`" + `
	Budget  int64  ` + "`json:\"budget\"`" + `
	Left    int64  ` + "`json:\"left\"`" + `
	Errors  []any  ` + "`json:\"errors\"`" + `
	Warnings []string ` + "`json:\"warnings\"`" + `
}

const varied = 8

var factsRound int

// What the rules that are evaluated may cost.
var factsLimit atomic.Uint64

var validatorLimits sync.Map

func limited(validator *Validator, limit uint64) *Validator {
	validatorLimits.Store(validator, limit)
	return validator
}

func recordValidated(ctx context.Context, s *Validator, path *field.Path, object, old any, ratchet bool, budget, left int64, errs field.ErrorList, warned []string) {
	limit, made := validatorLimits.Load(s)
	if ctx.Err() != nil || !made {
		return
	}
	fact := validatedFact{Kind: "validated", Schema: plainSchema(s.Schema, true), Root: s.isResourceRoot, Object: object, Old: old, Ratchet: ratchet,
		Limit: limit.(uint64), Budget: budget, Left: left, Errors: []any{}, Warnings: warned}
	if path != nil {
		fact.Path = path.String()
	}
	for _, e := range errs {
		value := e.BadValue
		if _, omitted := value.(field.OmitValueType); omitted {
			value = "(omitted)"
		}
		fact.Errors = append(fact.Errors, []any{string(e.Type), e.Field, value, e.Detail})
	}
	recordFact(fact)
}

// Validates the object also as it might be and as it might have been.
func recordVaried(ctx context.Context, s *Validator, path *field.Path, object any, budget, left int64) {
	if ctx.Err() != nil {
		return
	}
	// What JSON cannot say is not varied.
	defer func() { recover() }()
	seed := fnv.New64()
	json.NewEncoder(seed).Encode([]any{plainSchema(s.Schema, true), object, factsRound})
	random := rand.New(rand.NewSource(int64(seed.Sum64())))
	for i := 0; i < varied; i++ {
		current, old := object, varyMany(random, object)
		if random.Intn(2) == 0 {
			current = varyMany(random, object)
		}
		if random.Intn(4) == 0 {
			old = runtime.DeepCopyJSONValue(object)
		}
		budget := budget
		if random.Intn(4) == 0 {
			budget = random.Int63n(max(1, budget-left+2))
		}
		options := ratchetingOptions{}
		if random.Intn(2) == 0 {
			options.currentCorrelation = common.NewCorrelatedObject(current, old, &model.Structural{Structural: s.Schema})
		} else if random.Intn(4) == 0 {
			old = nil
		}
		warned := &factWarnings{all: []string{}}
		errs, left := s.validate(warning.WithWarningRecorder(ctx, warned), path, current, old, options, budget)
		recordValidated(ctx, s, path, current, old, options.currentCorrelation != nil, budget, left, errs, warned.all)
	}
}

func varyMany(random *rand.Rand, value any) any {
	value = runtime.DeepCopyJSONValue(value)
	for range random.Intn(4) {
		value = vary(random, value)
	}
	return value
}

func vary(random *rand.Rand, value any) any {
	switch value := value.(type) {
	case map[string]any:
		var names []string
		for name := range value {
			names = append(names, name)
		}
		sort.Strings(names)
		if len(names) == 0 {
			return value
		}
		name := names[random.Intn(len(names))]
		if random.Intn(6) == 0 {
			delete(value, name)
		} else {
			value[name] = vary(random, value[name])
		}
	case []any:
		if len(value) == 0 {
			return value
		}
		i, j := random.Intn(len(value)), random.Intn(len(value))
		switch random.Intn(8) {
		case 0:
			return append(value[:i:i], value[i+1:]...)
		case 1:
			value[i], value[j] = value[j], value[i]
		case 2:
			return append(value, vary(random, runtime.DeepCopyJSONValue(value[i])))
		default:
			value[i] = vary(random, value[i])
		}
	case string:
		return []string{"", "a", "bb", value + "x", "2021-01-01T00:00:00Z", "2021-02-30", "2021-01-01T1:00:00.5", "+/==", "QQ==", "QUI"}[random.Intn(10)]
	case int64:
		return []int64{0, 1, -1, value + 1, value - 1}[random.Intn(5)]
	case float64:
		return value + 0.5
	case bool:
		return !value
	}
	return value
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
	fact := compiledFact{Kind: "compiled", Schema: plainSchema(s, false), Rule: rule.Rule, Optional: rule.OptionalOldSelf != nil && *rule.OptionalOldSelf,
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
	fact := evaluatedFact{Kind: "evaluated", Schema: plainSchema(s, false), Root: root, Rule: rule.Rule, Optional: rule.OptionalOldSelf != nil && *rule.OptionalOldSelf, Object: object, Old: old, Limit: factsLimit.Load()}
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

// A schema as a definition has it, with its rules or without.
func plainSchema(s *schema.Structural, rules bool) map[string]any {
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
		out["items"] = plainSchema(s.Items, rules)
	}
	if s.Properties != nil {
		properties := map[string]any{}
		for name, property := range s.Properties {
			properties[name] = plainSchema(&property, rules)
		}
		out["properties"] = properties
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		out["additionalProperties"] = plainSchema(s.AdditionalProperties.Structural, rules)
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
		var all []any
		for _, nested := range v.AllOf {
			all = append(all, plainSchema(nestedToStructural(&nested), rules))
		}
		set("allOf", all, rules && len(all) > 0)
	}
	set("x-kubernetes-validations", s.XValidations, rules && len(s.XValidations) > 0)
	if s.XMapType != nil {
		out["x-kubernetes-map-type"] = *s.XMapType
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
	validation = change(validation,
		"return validator(s, s, isResourceRoot, model.SchemaDeclType(s, isResourceRoot), perCallLimit)",
		"return limited(validator(s, s, isResourceRoot, model.SchemaDeclType(s, isResourceRoot), perCallLimit), perCallLimit)")
	validation = change(validation,
		"return s.validate(ctx, fldPath, obj, oldObj, opt.ratchetingOptions, costBudget)",
		"if limit, made := validatorLimits.Load(s); made {\n\t\tfactsLimit.Store(limit.(uint64))\n\t}\n\terrs, remainingBudget = s.validate(ctx, fldPath, obj, oldObj, opt.ratchetingOptions, costBudget)\n\tif s != nil {\n\t\trecordValidated(ctx, s, fldPath, obj, oldObj, opt.currentCorrelation != nil, costBudget, remainingBudget, errs, nil)\n\t\trecordVaried(ctx, s, fldPath, obj, costBudget, remainingBudget)\n\t}\n\treturn errs, remainingBudget")
	// Fields in one order.
	validation = strings.ReplaceAll(validation, "for k, v := range obj {", "for _, k := range slices.Sorted(maps.Keys(obj)) {\n\t\t\tv := obj[k]")
	validation = change(validation, "import (\n", "import (\n\t\"maps\"\n\t\"slices\"\n")
	return record(name, pkg, map[string]string{
		"compilation.go":   compilation,
		"validation.go":    validation,
		"zz_facts.go":      rulesRecorder,
		"zz_facts_test.go": moreRules,
	})
}
