/// Closed classes of Chinese. There is no segmenter: what stands between these is taken as a word, which is what a
/// content word mostly is.
enum ChineseWords {
  /// Phrases of courtesy, connection and hedging, longest first where one begins another. They end a word and are
  /// the first to go.
  static let phrases: [String] = [
    "很高兴认识你", "有什么能帮到你", "有什么可以帮", "没问题", "没关系", "不客气", "不好意思", "对不起", "谢谢你", "谢谢",
    "你好", "您好", "再见", "当然了", "当然", "好的", "是的", "听起来", "觉得", "认为", "可以", "能够", "应该", "可能",
    "如果", "因为", "所以", "但是", "而且", "虽然", "然后", "还是", "或者", "以及", "关于", "已经", "非常", "一些", "一下",
    "一个", "一种", "这个", "那个", "这些", "那些", "什么", "怎么", "怎样", "为什么", "哪里", "哪些", "哪个", "多少", "如何",
    "是否", "我们", "你们", "他们", "她们", "自己", "希望", "需要", "真的", "真是", "确实", "也许", "最近", "现在", "时候",
    "比如", "例如", "其实", "不过", "只是", "这样", "那样", "同时", "通过", "对于", "由于", "并且", "帮助", "建议你", "推荐给"
  ]
  static let functionCharacters: Set<Character> = Set(
    "的了是在我你您他她它们和与及或吗呢吧啊呀这那哪就都也还很把被让给对从到于而且但之其谁么个去来着过会要想能可以又再更最太")
  /// Kept: they turn a statement round.
  static let negations: Set<Character> = ["不", "没", "别", "未", "无"]
  static let firstPerson: Set<Character> = ["我"]
  static let secondPerson: Set<Character> = ["你", "您"]
}
