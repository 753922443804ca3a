package main

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/util/version"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

// What Kubernetes 1.36 says of an expression without variables.
type verdict struct {
	Suite string `json:"suite"`
	Expr  string `json:"expr"`
	// What is wrong with it.
	Issues string `json:"issues,omitempty"`
	// What is wrong with its constants.
	Program string `json:"program,omitempty"`
	Type    string `json:"type,omitempty"`
	Min     string `json:"min,omitempty"`
	Max     string `json:"max,omitempty"`
	Cost    uint64 `json:"cost"`
	Value   string `json:"value,omitempty"`
	Error   string `json:"error,omitempty"`
}

var base = must(environment.MustBaseEnvSet(version.MajorMinor(1, 36)).Env(environment.NewExpressions))

func judge(expr, suite string) verdict {
	v := verdict{Suite: suite, Expr: expr}
	ast, issues := base.Compile(expr)
	if issues.Err() != nil {
		v.Issues = issues.String()
		return v
	}
	v.Type = cel.FormatCELType(ast.OutputType())
	estimator := &library.CostEstimator{}
	cost := must(base.EstimateCost(ast, estimator))
	v.Min, v.Max = strconv.FormatUint(cost.Min, 10), strconv.FormatUint(cost.Max, 10)
	program, err := base.Program(ast, cel.CostLimit(1000000), cel.CostTracking(estimator), cel.InterruptCheckFrequency(100))
	if err != nil {
		v.Program = err.Error()
		return v
	}
	value, details, err := program.Eval(map[string]any{})
	if details != nil && details.ActualCost() != nil {
		v.Cost = *details.ActualCost()
	}
	if err != nil {
		v.Error = err.Error()
		return v
	}
	v.Value = show(value)
	return v
}

// A value and its type.
func show(value ref.Val) string {
	switch v := value.(type) {
	case types.Bool, types.Int:
		return fmt.Sprint(v)
	case types.Uint:
		return fmt.Sprintf("%du", uint64(v))
	case types.Double:
		return "double " + strconv.FormatFloat(float64(v), 'e', -1, 64)
	case types.String:
		return strconv.QuoteToASCII(string(v))
	case types.Bytes:
		return "bytes " + hex.EncodeToString(v)
	case types.Duration:
		return fmt.Sprintf("duration %d", v.Duration.Nanoseconds())
	case types.Timestamp:
		return "timestamp " + v.Time.Format(time.RFC3339Nano)
	case types.Null:
		return "null"
	case *types.Optional:
		if !v.HasValue() {
			return "none"
		}
		return "some(" + show(v.GetValue()) + ")"
	case *types.Type:
		return "type " + v.TypeName()
	case apiservercel.IP, apiservercel.CIDR, apiservercel.URL, apiservercel.Semver:
		return fmt.Sprintf("%s %v", value.Type().TypeName(), value.Value())
	case apiservercel.Format:
		return "format " + v.Name
	case traits.Mapper:
		var all []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			all = append(all, show(key)+": "+show(v.Get(key)))
		}
		sort.Strings(all)
		return "{" + strings.Join(all, ", ") + "}"
	case traits.Lister:
		var all []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			all = append(all, show(it.Next()))
		}
		return "[" + strings.Join(all, ", ") + "]"
	default:
		return value.Type().TypeName()
	}
}
