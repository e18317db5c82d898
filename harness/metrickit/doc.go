// Package metrickit reads MetricKit payloads as phones deliver them: metric and diagnostic payloads of iOS 13 to 26
// and the reports of iOS 27. In come the bytes of one payload, out come typed records in base units (s, B, 1), each
// with the text it was read from. It reads no files and joins nothing.
//
// # What it must cope with
//
// Up to iOS 26 every number with a unit is a string in the phone's own language: "200,000 kB", "1.300,5 kB",
// "1,106,818千字节". Separators are decided for the payload as a whole ([Convention]), never string by string, because
// "1.300" alone is one thousand three hundred in one region and one and a third in another. Counters that are zero are
// left out; histograms come unordered; the window may be a point. A kB here is 1000 bytes, as MeasurementFormatter
// defines it; the text is kept, so that a reader who disagrees can.
//
// A field that this package does not know becomes a record of kind unknown with its path and its JSON: nothing that a
// phone said is dropped. A payload that cannot be read at all is an error that says where.
//
// Sources: developer.apple.com/documentation/metrickit for the groups and the reports of iOS 27.
package metrickit
