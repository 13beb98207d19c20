// Writes src/re2/unicode.bin: what Go's regular expressions know of Unicode. Run with the Go release that the reference is
// built with: go run . ../src/re2/unicode.bin
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp/syntax"
	"sort"
	"strings"
	"unicode"
)

func canon(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

func class(p string) ([]rune, bool) {
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		return nil, false
	}
	switch re.Op {
	case syntax.OpCharClass:
		return re.Rune, true
	case syntax.OpLiteral:
		return []rune{re.Rune[0], re.Rune[0]}, true
	case syntax.OpAnyChar:
		return []rune{0, unicode.MaxRune}, true
	}
	panic(p + re.String())
}

func main() {
	keys := []string{"Any", "ASCII", "Assigned", "LC"}
	for k := range unicode.Categories {
		keys = append(keys, k)
	}
	for k := range unicode.Scripts {
		keys = append(keys, k)
	}
	for k := range unicode.CategoryAliases {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var names, tables, orbits []byte
	seen := map[string]bool{}
	off := map[string]int{}
	n := 0
	for _, k := range keys {
		r, ok := class(`\p{` + k + `}`)
		if !ok {
			fmt.Println("not accepted:", k)
			continue
		}
		c := canon(k)
		if seen[c] {
			continue
		}
		seen[c] = true
		sig := fmt.Sprint(r)
		o, have := off[sig]
		if !have {
			o = len(tables)
			off[sig] = o
			tables = binary.AppendUvarint(tables, uint64(len(r)/2))
			last := rune(0)
			for i := 0; i < len(r); i += 2 {
				tables = binary.AppendUvarint(tables, uint64(r[i]-last))
				tables = binary.AppendUvarint(tables, uint64(r[i+1]-r[i]))
				last = r[i+1]
			}
		}
		names = append(names, byte(len(c)))
		names = append(names, c...)
		names = binary.AppendUvarint(names, uint64(o))
		n++
		// Folding a class must be the same as adding the orbits of its members, which is what the reader does.
		set := map[rune]bool{}
		for i := 0; i < len(r); i += 2 {
			for x := r[i]; x <= r[i+1]; x++ {
				set[x] = true
				for y := unicode.SimpleFold(x); y != x; y = unicode.SimpleFold(y) {
					set[y] = true
				}
			}
		}
		f, _ := class(`(?i)\p{` + k + `}`)
		cnt := 0
		for i := 0; i < len(f); i += 2 {
			for x := f[i]; x <= f[i+1]; x++ {
				cnt++
				if !set[x] {
					fmt.Printf("fold: %s has %U beyond closure\n", k, x)
				}
			}
		}
		if cnt != len(set) {
			fmt.Println("fold differs", k, cnt, len(set))
		}
	}
	last := rune(0)
	m := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if f := unicode.SimpleFold(r); f != r {
			orbits = binary.AppendUvarint(orbits, uint64(r-last))
			orbits = binary.AppendVarint(orbits, int64(f-r))
			last = r
			m++
		}
	}
	var out []byte
	out = binary.AppendUvarint(out, uint64(len(names)))
	out = binary.AppendUvarint(out, uint64(len(tables)))
	out = append(out, names...)
	out = append(out, tables...)
	out = append(out, orbits...)
	os.WriteFile(os.Args[1], out, 0o644)
	fmt.Println(n, "names", len(names), "tables", len(tables), "orbits", m, len(orbits), unicode.Version)
}
