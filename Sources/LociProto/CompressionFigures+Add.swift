extension V1.CompressionFigures {
  package mutating func add(_ other: V1.CompressionFigures) {
    items += other.items
    itemsEmpty += other.itemsEmpty
    tokensBefore += other.tokensBefore
    tokensAfter += other.tokensAfter
    bytesBefore += other.bytesBefore
    bytesAfter += other.bytesAfter
    archiveBytes += other.archiveBytes
  }
}
