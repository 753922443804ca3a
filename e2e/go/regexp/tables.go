package main

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// The tables that regexp/syntax reads: each character's category and script, the next of its cases, and the names that it takes.
func tables() {
	var categories []string
	for name := range unicode.Categories {
		if len(name) == 2 && name != "LC" {
			categories = append(categories, name)
		}
	}
	sort.Strings(categories)
	var scripts []string
	for name := range unicode.Scripts {
		scripts = append(scripts, name)
	}
	sort.Strings(scripts)

	fmt.Printf("//! The tables of Unicode %s as Go's `unicode` has them. Made by `e2e/go/regexp`: not to be edited.\n\n", unicode.Version)
	fmt.Printf("/// The categories of two letters, in the order of their numbers in [`CATEGORY_RUNS`].\n")
	list("CATEGORIES", "&str", quoted(categories))
	runs("CATEGORY_RUNS", "where a category begins, and its number", categories, unicode.Categories)
	fmt.Printf("/// The scripts, in the order of their numbers in [`SCRIPT_RUNS`].\n")
	list("SCRIPTS", "&str", quoted(scripts))
	runs("SCRIPT_RUNS", "where a script begins, and its number; one more than the last of them where there is none", scripts, unicode.Scripts)

	var folds []string
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if next := unicode.SimpleFold(r); next != r {
			folds = append(folds, fmt.Sprintf("(0x%x,0x%x)", r, next))
		}
	}
	fmt.Printf("/// A character that has cases, and the next of them; the last leads to the first.\n")
	list("SIMPLE_FOLD", "(u32, u32)", folds)

	// Several are unions, and the names of categories and scripts are found only where they are canonical.
	names := map[string][]string{}
	for name, table := range unicode.Categories {
		if len(name) == 1 || name == "LC" {
			names[canonical(name)] = union(table, categories)
		} else {
			names[canonical(name)] = []string{name}
		}
	}
	of := map[string][]string{}
	for name, actual := range unicode.CategoryAliases {
		of[canonical(name)] = names[canonical(actual)]
	}
	for name, parts := range of {
		if names[name] == nil && (unicode.Scripts[name] == nil || canonical(name) != name) {
			names[name] = parts
		}
	}
	var lines []string
	for name, parts := range names {
		lines = append(lines, fmt.Sprintf("(%q,&[%s])", name, strings.Join(quoted(parts), ",")))
	}
	sort.Strings(lines)
	fmt.Printf("/// The names of categories as Go spells them to compare, and what they are unions of.\n")
	list("CATEGORY_NAMES", "(&str, &[&str])", lines)
}

func union(table *unicode.RangeTable, categories []string) []string {
	var parts []string
	for _, name := range categories {
		all, some := true, false
		part := unicode.Categories[name]
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if unicode.Is(part, r) {
				in := unicode.Is(table, r)
				all, some = all && in, some || in
			}
		}
		if some && !all {
			panic("no union: " + name)
		}
		if some {
			parts = append(parts, name)
		}
	}
	return parts
}

func runs(name, what string, parts []string, of map[string]*unicode.RangeTable) {
	number := make([]int, unicode.MaxRune+1)
	for r := range number {
		number[r] = len(parts)
	}
	for i, part := range parts {
		for _, xr := range of[part].R16 {
			for r := int(xr.Lo); r <= int(xr.Hi); r += int(xr.Stride) {
				number[r] = i
			}
		}
		for _, xr := range of[part].R32 {
			for r := int(xr.Lo); r <= int(xr.Hi); r += int(xr.Stride) {
				number[r] = i
			}
		}
	}
	var lines []string
	for r := range number {
		if r == 0 || number[r] != number[r-1] {
			lines = append(lines, fmt.Sprintf("(0x%x,%d)", r, number[r]))
		}
	}
	fmt.Printf("/// Of each run of characters %s.\n", what)
	list(name, "(u32, u8)", lines)
}

func list(name, of string, entries []string) {
	fmt.Printf("#[rustfmt::skip]\npub(super) static %s: &[%s] = &[\n", name, of)
	line := "   "
	for _, entry := range entries {
		if len(line)+len(entry) > 108 {
			fmt.Println(line)
			line = "   "
		}
		line += " " + entry + ","
	}
	fmt.Printf("%s\n];\n\n", line)
}

func quoted(texts []string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, fmt.Sprintf("%q", text))
	}
	return out
}

// As regexp/syntax spells names to compare them.
func canonical(name string) string {
	name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(name)
	return strings.ToUpper(name[:1]) + strings.ToLower(name[1:])
}
