package edgejs

import (
	"maps"
	"slices"
	"strings"
)

// globals are the names that every function finds, from the page's sections "Primitive objects", "Built-in objects", "Error
// types", "Globals" and "Built-in modules". The constructor Function is not among them.
var globals = func() map[string]bool {
	found := map[string]bool{}
	for _, name := range strings.Fields(`
		ArrayBuffer Boolean Buffer DataView Date Float32Array Float64Array Int8Array Int16Array Int32Array RegExp TextDecoder
		TextEncoder Uint8Array Uint8ClampedArray Uint16Array Uint32Array
		Error EvalError InternalError RangeError ReferenceError SyntaxError TypeError URIError
		globalThis decodeURI decodeURIComponent encodeURI encodeURIComponent isFinite isNaN parseFloat parseInt atob btoa
		NaN Infinity undefined arguments require`) {
		found[name] = true
	}
	for name := range maps.Keys(members) {
		found[name] = true
	}
	return found
}()

// members are what each built-in object offers by its own name.
var members = map[string][]string{
	"Object": strings.Fields(`create defineProperties defineProperty freeze getOwnPropertyDescriptor getOwnPropertyDescriptors
		getOwnPropertyNames getPrototypeOf isExtensible isFrozen isSealed keys preventExtensions seal assign entries values prototype`),
	"String": strings.Fields(`fromCharCode fromCodePoint prototype`),
	"Number": strings.Fields(`EPSILON MAX_SAFE_INTEGER MIN_SAFE_INTEGER MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY
		isFinite isInteger isNaN isSafeInteger parseInt parseFloat prototype`),
	"Math": strings.Fields(`E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atan2 atanh cbrt ceil clz32 cos
		cosh exp expm1 floor fround hypot imul log log1p log2 log10 max min pow random round sign sinh sin sqrt tan tanh trunc`),
	"JSON":    strings.Fields(`parse stringify`),
	"Array":   strings.Fields(`isArray of prototype`),
	"Promise": strings.Fields(`all allSettled any reject resolve race prototype`),
	"Symbol":  strings.Fields(`for keyFor`),
	"console": strings.Fields(`log`),
}

// newerMethods are methods of strings, arrays and objects in ECMAScript that the page does not list. Names that one of its
// objects has too, such as includes, are left out.
var newerMethods = slices.Concat(
	strings.Fields(`at flat flatMap findLast findLastIndex toReversed toSorted toSpliced with group groupToMap`),
	strings.Fields(`matchAll localeCompare normalize isWellFormed toWellFormed toLocaleLowerCase toLocaleUpperCase trimLeft trimRight`),
	strings.Fields(`hasOwn keys entries values`),
)
