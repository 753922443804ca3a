//! Answers that were wrong.

use super::answer;

#[test]
fn what_is_read_late_leaves_the_places_of_running_folds_alone() {
    let rule = "optional.of([1,2].map(x,x)).optMap(v,[10,20].all(y, v.size()==2 && y>5)).orValue(false)";
    assert_eq!(answer(rule).as_deref(), Ok("true"));
    let nested = "[3].map(z, optional.of([1,2].map(x, x + z)).optMap(v, [10,20].map(y, v.map(w, w + y + z)))) == \
                  [optional.of([[17,18],[27,28]])]";
    assert_eq!(answer(nested).as_deref(), Ok("true"));
}

#[test]
fn the_accumulator_has_no_name() {
    let error = answer("[1].map(x, dyn(__result__))").unwrap_err();
    assert!(
        error.contains("undeclared reference to '__result__' (in container '')"),
        "{error}"
    );
    let error = answer("[1].map(__result__, 1)").unwrap_err();
    assert!(
        error.contains("iteration variable overwrites accumulator variable"),
        "{error}"
    );
}

#[test]
fn numbers_at_their_ends_are_read_as_go_reads_them() {
    let time = "timestamp('2020-01-01T00:00:00Z').getHours('-9223372036854775808:00')";
    assert_eq!(answer(time).as_deref(), Ok("0"));
    assert!(answer("double('0x1p2000')").is_err());
    assert_eq!(answer("double('0x1p4')").as_deref(), Ok("16"));
    let large = format!("[quantity('-1{}1')]", "0".repeat(37));
    let least = format!(
        "{large}{}.map(x, quantity('0').sub(x))",
        ".map(x, x.add(x))".repeat(12)
    );
    assert_eq!(
        answer(&least).as_deref(),
        Ok("[170141183460469231731687303715884105727e3]")
    );
}
