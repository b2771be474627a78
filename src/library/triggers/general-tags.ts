/** @file Words that describe what is to be seen and call no LoRA: quality tags, kinds of picture, bodies, clothes, places. */

const set = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Words between words. */
export const smallWords = set(`
  a an the of in on at to and or with by for from is are was its it his her their this that as into over under near
  before behind between beside above below up down out off very one two three while has have having there who which
  we see here be been being both each some all no not they them he she him you i my your our also only just
  depicts depict depicting depicted shows show showing shown captures capture capturing captured features feature
  featuring featured showcases showcase showcasing presents presenting portrays portraying displays displaying
  includes including contains containing appears appear seems seem seen visible arafed araffe araffes
  several many few another
`);

/** Quality and rating tags, and what taggers and trainers add; a tag of these alone says nothing. */
const qualityWords = set(`
  masterpiece best worst low high normal good bad great amazing quality highres absurdres lowres hires hd uhd 4k 8k
  detailed highly ultra extremely intricate sharp focus professional award winning aesthetic newest oldest recent early
  mid late score rating safe questionable explicit general sensitive nsfw sfw source anime cartoon pony furry official
  commentary request translated watermark signature artist name dated text logo web address username patreon jpeg
  artifacts scan cover page traditional media digital photo photorealistic realistic realism hyperrealistic raw
`);

/** What a picture may be, and what may be in it; alone it is what the base knows already. */
const kindWords = set(`
  photo photograph photography picture image img drawing painting illustration sketch artwork art render portrait poster
  man woman men women person people boy girl boys girls child children baby guy lady male female adult teen human
  creature animal character figure toy object thing things subject concept style style-of design scene icon sticker
  solo duo group couple crowd multiple everyone 1girl 2girls 3girls 4girls 5girls 6+girls 1boy 2boys 3boys 1other
  cat dog horse bird fish rabbit bear fox wolf dragon monster robot mecha car house building tree flower food
  chibi comic manga monochrome greyscale grayscale lineart 3d 2d cgi pixel 1man 1woman faceless no humans
`);

/** A tag with one of these in it describes: `long hair`, `blue eyes`, `looking at viewer`, `white background`. */
const describingWords = set(`
  hair bangs ponytail twintails twintail braid braids bun ahoge sidelocks bob hairband headband hairclip hairpin ornament
  ribbon bow eyes eye eyebrows eyelashes pupils gaze looking viewer smile smiling grin frown blush blushing tears mouth
  lips teeth tongue fang fangs nose ear ears face facial expression head neck skin freckles mole makeup lipstick beard
  mustache stubble scar tattoo piercing breasts breast cleavage chest shoulders shoulder collarbone arms arm armpits hand
  hands finger fingers fingernails nails midriff navel stomach abs hips ass thighs thigh legs leg knees feet foot barefoot
  toes tail wings wing horns horn halo body muscular slim curvy tall short large medium small huge flat tiny
  nude naked topless bottomless nipples pussy penis sex censored uncensored underwear panties bra bikini swimsuit lingerie
  shirt t-shirt blouse sweater hoodie jacket coat cardigan vest suit dress skirt shorts pants jeans trousers leggings
  pantyhose thighhighs kneehighs socks stockings shoes boots sneakers sandals heels gloves scarf hat cap beret helmet
  hood veil mask glasses sunglasses goggles eyewear earrings earring necklace choker collar bracelet jewelry ring belt
  uniform serafuku kimono yukata apron maid armor cape cloak robe necktie tie bowtie sleeves sleeve sleeveless clothes
  clothing outfit costume pleated striped plaid frills lace button buttons pocket zipper
  standing sitting lying kneeling walking running jumping squatting leaning holding pointing wearing posing pose
  cowboy full upper lower close-up closeup close shot view angle above below side profile front back facing pov
  background backdrop gradient simple white black red blue green yellow orange purple pink brown grey gray blonde blond
  silver gold golden dark light bright pale colorful multicolored aqua teal violet crimson
  indoors outdoors outside inside sky cloud clouds sun sunset sunrise moon night day star stars starry water sea ocean
  beach river lake rain snow forest grass field mountain city street road room bedroom bathroom kitchen bed chair table
  sofa window door wall floor classroom school park garden castle ruins space scenery landscape nature
  lighting shadow shadows depth blur blurry bokeh lens flare sparkle glow glowing reflection motion
  sword weapon gun knife bag backpack book phone cup bottle flowers petals leaf leaves umbrella instrument ball
  open closed parted long wavy curly straight messy spiky wet dry young old beautiful pretty cute handsome sexy
  happy sad angry serious calm surprised crying laughing sleeping eating drinking
`);

/** Ends of the tags that score pictures: `score_9_up`. */
const scores = /^score \d+( up)?$/;

/** `plain` is a tag in small letters without underscores. Whether it only says what is to be seen. */
export function isGeneral(plain: string): boolean {
  if (scores.test(plain) || /^[\d\W_]+$/.test(plain)) return true;
  const words = plain.split(/[^\p{L}\p{N}'+-]+/u).filter(word => word !== '');
  if (words.length === 0 || words.some(word => describingWords.has(word))) return true;
  return words.every(
    word => qualityWords.has(word) || kindWords.has(word) || smallWords.has(word) || /^\d+$/.test(word),
  );
}

/** Whether each of its words does; a name with one of them in it (`mirael armor`) may call something. */
export const isAllGeneral = (plain: string): boolean => plain.split(' ').every(isGeneral);

/** What describes what the trigger word is, and may follow it: `ohwx man`. */
export const isKind = (word: string): boolean => kindWords.has(word);

/** Names of folders that say nothing. */
export const emptyFolderWords = set(`
  img imgs image images picture pictures photo photos data dataset datasets train training trainings set folder lora
  loras concept concepts style styles character characters person face faces subject object reg regularization captions
  captioned cropped crops resized raw final new old test tmp temp processed output 512 768 1024 main all source sources
  my the a of v1 v2 v3 mix hq lq sd15 sdxl pony xl
`);
