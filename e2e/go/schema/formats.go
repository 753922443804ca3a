package main

import "strings"

// Of each format texts that have it, almost have it or should not; more are made of them.
var seeds = map[string][]string{
	"bsonobjectid": {"507f1f77bcf86cd799439011", "507F1F77BCF86CD799439011", "507f1f77bcf86cd79943901", "g07f1f77bcf86cd799439011"},
	"uri": {
		"http://a.b/c", "/path", "mailto:a@b", "http://[::1]:80/x", "http://[fe80::1%25en0]/", "http://[fe80::1%25]/", "http://a:b@c.d:1", "http://a:1:2/", "foo://a:1:2", "http://a%41/", "http://é/%zz", "//x", "*", "a b", "http://a b/",
		"http://a/b c", ":x", "1a:b", "a+b-c.d://x", "http://u ser@x/", "http://u:p@q@x/", "http://[1.2.3.4]/", "http://[::ffff:1.2.3.4]/", "http://x:y/", "http://x:/", "x?y", "/x?%zz", "http://%2525/", "http://%e9/", "http://a<b>/", "http://a\"b/", "/%4", "http://[::1]x/", "http://[::1", "http://a]b/", "http://a[b/",
	},
	"email": {
		"a@b.c", "a@b", "A B <a@b.c>", "\"a b\"@c.d", "\"\"@c", "\"a\\\"b\" <x@y>", "<a@b>", "a@[1.2.3.4]", "a@[::1]", "a@[x]", "a.b@c.d", ".a@b", "a.@b", "a..b@c", "a@b.", "a@b (comment)", "(c) a@b", "a@b (c", "x: a@b;", "x: a@b, c@d;", "x:;", "a@b, c@d", "=?utf-8?q?a?= <a@b>", "=?foo?q?a?= <a@b>",
		"=?foo?q?a=?= <a@b>", "x =?foo?b?YQ==?= <a@b>", "a@b (=?foo?q?a?=)", "é@ü.x", "a b@c", "a @b", "a@ b", "a@b c", "<a@b> x", "=?utf-8?q?a?= (c) <a@b>", "a (x (y) z) <a@b>", "\ta@b ", "a\\b@c", "John.Doe <a@b>", "a;b@c", "\"a\nb\"@c",
	},
	"hostname": {"example.com", "a", "-a", "a-", "a_b", "1a.com", "é.com", "a.é", "☺", "a..b", "a.b.", "a.1", strings.Repeat("a", 64), strings.Repeat("a", 63) + ".com", "a.c", "A-b.Com", strings.Repeat("a.", 130) + "com"},
	"ipv4":     {"1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", "::ffff:1.2.3.4", "::1", "1.2.3.4:5", "::ffff:01.2.3.4", "::ffff:1.2.3", "00000000000000000001.2.3.4", "1.2.3.+4", ""},
	"ipv6":     {"::1", "::", "1::2::3", "fe80::1%en0", "::ffff:1.2.3.4", "::ffff:01.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8:9", "::12345", ":1", "1:", "1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "2001:DB8::A"},
	"cidr":     {"10.0.0.0/8", "010.0.0.0/08", "10.0.0.0/33", "::/0", "::/128", "::/129", "10.0.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1/+8", "x/8", "::00001/64", "1::1:1.2.3.4/64", "::ffff:010.1.1.1/96", "1:2:3:4:5:6:7:00008/1"},
	"mac":      {"00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455", "001122334455", "00:11:22:33:44:55:66:77", "00:11-22:33:44:55", "0:11:22:33:44:55", "00:11:22:33:44:5g", "0011.2233.4455.6677", "00112233445566", strings.Repeat("00:", 19) + "00", "00112233445566778899aabbccddeeff00112233", "0011:2233:4455"},
	"uuid":     {"a8098c1a-f86e-11da-bd1a-00112444be1e", "A8098C1AF86E11DABD1A00112444BE1E", "a8098c1a-f86e11dabd1a00112444be1e", "a8098c1af86e11dabd1a00112444be1"},
	"uuid3":    {"a8098c1a-f86e-31da-bd1a-00112444be1e", "a8098c1a-f86e-11da-bd1a-00112444be1e"},
	"uuid4":    {"a8098c1a-f86e-41da-bd1a-00112444be1e", "a8098c1a-f86e-41da-cd1a-00112444be1e"},
	"uuid5":    {"a8098c1a-f86e-51da-bd1a-00112444be1e", "a8098c1a-f86e-51da-7d1a-00112444be1e"},
	"isbn":     {"0321751043", "978-0321751041", "0-321-75104-3", "080442957X", "X804429573", "0321751044", "978 0 321 75104 1", "9780321751042"},
	"isbn10":   {"0321751043", "080442957X", "080442957x", "0 8044 2957-X"}, "isbn13": {"978-0321751041", "9780321751041", "978-032175104X"},
	"creditcard":     {"4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "4111111111111112", "x4111y1111z1111w1111", "6011111111111117", "30569309025904", "3530111333300000"},
	"ssn":            {"123-45-6789", "123 45 6789", "123456789", "123-45-678", "12-345-6789"},
	"hexcolor":       {"#fff", "fff", "#FFFFFF", "#ffff", "##fff"},
	"rgbcolor":       {"rgb(1,2,3)", "rgb( 1 , 2 , 255 )", "rgb(256,1,1)", "rgb(01,1,1)", "rgb(1,2)", "RGB(1,2,3)", "rgb(199,1,1)\n"},
	"byte":           {"aGk=", "aGk", "", "aGkx", "a+/=", "a-_=", "aG==", "aGk=\n"},
	"password":       {"", "x"},
	"date":           {"2006-01-02", "2006-02-30", "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "2006-1-2", "20060102", "2006-13-01", "2006-00-10", "0000-01-01", "2006-01-00", "2006-01-02T", "+006-01-02"},
	"datetime":       {"2014-12-15T19:30:20.000Z", "2014-12-15t19:30:20z", "2014-12-15T24:30:20Z", "2014-12-15T19:30:20", "2014-12-15T19:30:20+01:00", "2014-12-15T19:30:20x5Z", "2014-12-15T19:30:20ZTx", "2014-12-15 19:30:20Z", "2014-12-15T23:59:60Z", "2014-12-15T19:30:20.Z", "2014-12-15T19:30:20é5z", "2014-12-15T19:30:20+25:99"},
	"duration":       {"1h30m", "22 ns", "3 days", "-1.5h", "1", "0", "+0", "1d", "1 w", "5 weeks", "1.5 hours", "x 1 day y", "1µs", "1μs", "9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "99999999999999999999 s", ".5s", "1.s", ".s", "1h-1m", "2562048h", "3 Mins", "4 foo", "4foo 5 sec", "00001h", "0.00000000000000000000001h", "5\tmicros", "1e3s"},
	"k8s-short-name": {"my-name", "My-name", "-a", "a-", "a.b", "", strings.Repeat("a", 63), strings.Repeat("a", 64), "1"},
	"k8s-long-name":  {"a.b-c.d", "a..b", "A.b", "", ".a", "a.", strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a"},
}

// A list of texts of one format, of which Go says which are wrong.
func formatCase() Case {
	names := make([]string, 0, len(seeds))
	for _, format := range formats {
		if seeds[format] != nil {
			names = append(names, format)
		}
	}
	format := one(append(names, "datetime", "date-time", "uri", "email", "duration", "ipv6", "cidr")...)
	of := seeds[strings.Replace(format, "date-time", "datetime", 1)]
	var list []string
	for range 12 {
		text := one(of...)
		for often(60) {
			text = bend(text, of)
		}
		list = append(list, strings.ToValidUTF8(text, "\uFFFD"))
	}
	schema := object{"type": "object", "properties": object{"list": object{"type": "array", "items": object{"type": "string", "format": format}}}}
	return Case{Schema: raw(schema), Objects: []*Object{{Object: raw(object{"list": list})}}}
}

func bend(text string, of []string) string {
	at := random.Intn(len(text) + 1)
	switch random.Intn(4) {
	case 0:
		return text[:at] + text[min(at+1, len(text)):]
	case 1:
		return text[:at] + one(".", ":", "-", "/", "%", "@", " ", "0", "1", "a", "[", "]", "<", ">", "(", ")", "\"", "\\", "?", "é", "::", "=", "+", "\n", "\t", "T", "Z", ",", ";", "%25", "%20", "x") + text[at:]
	case 2:
		other := one(of...)
		return text[:at] + other[random.Intn(len(other)+1):]
	default:
		return strings.ToUpper(text[:at]) + text[at:]
	}
}
