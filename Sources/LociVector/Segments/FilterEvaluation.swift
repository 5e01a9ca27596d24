extension Segment.Content {
  /// The rows that pass, deleted ones included.
  func rows(passing filter: PointFilter) -> RowBitmap {
    let count = rows.count
    var bitmap = RowBitmap(count: count)
    switch filter {
    case .oneOf(let key, let texts, let integers, let flags):
      for text in texts { attributes.insert(key: key, text: text, into: &bitmap) }
      for integer in integers { attributes.insert(key: key, equal: integer, into: &bitmap) }
      for flag in flags { attributes.insert(key: key, equal: flag ? 1 : 0, .flag, into: &bitmap) }
    case .integers(let key, let from, let until):
      attributes.insert(key: key, .integer, from: from, until: until, into: &bitmap)
    case .numbers(let key, let from, let until):
      attributes.insert(key: key, from: from, until: until, into: &bitmap)
    case .exists(let key): attributes.insert(key: key, into: &bitmap)
    case .ids(let ids): for id in ids { for local in locals(of: id) { bitmap.insert(local) } }
    case .all(let filters):
      bitmap = RowBitmap(count: count, filled: true)
      for filter in filters { bitmap.formIntersection(rows(passing: filter)) }
    case .any(let filters): for filter in filters { bitmap.formUnion(rows(passing: filter)) }
    case .not(let filter):
      bitmap = rows(passing: filter)
      bitmap.invert()
    }
    return bitmap
  }
}
