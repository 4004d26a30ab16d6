package engine

import "fmt"

// checkFold panics where an entity that was taken a step further is not as folding its
// whole history would leave it. It looks at one event in eight: enough to meet every way
// of folding many times over, in tests that apply millions.
func (e *Engine) checkFold(i uint32, f *folder, r *record) {
	if !invariants || r.id%8 != 0 {
		return
	}
	var whole state
	folding := e.folding
	e.fold(f, i, e.history.read(&e.entities.list[i].log, nil), &whole, &sink{mute: true})
	e.folding = folding
	one := &e.after
	if whole.Fields != one.Fields || whole.combo != one.combo || whole.x != one.x || whole.exists != one.exists {
		panic(fmt.Sprintf("engine: internal error: %s %s after record %+v is %+v by steps and %+v by its history",
			e.entities.list[i].kind, e.entities.block.get(e.entities.list[i].name), *r, *one, whole))
	}
}
