#include "memory/lexicon.h"

#include <stdio.h>
#include <string.h>

static const char *const lists[NIMA_LIST_COUNT] = {
    [NIMA_LIST_FAMILY] =
        " wife husband partner spouse girlfriend boyfriend fiance fiancee fiancé fiancée mother mom"
        " mum mama mommy father dad papa daddy parent sister brother sibling twin twins triplets "
        "son"
        " daughter kid child children baby toddler teenager grandmother grandma granny nana"
        " grandfather grandpa granddad grandparent grandson granddaughter grandchild grandchildren"
        " grandkid aunt uncle cousin niece nephew stepmother stepmom stepfather stepdad stepson"
        " stepdaughter stepbrother stepsister mother-in-law father-in-law sister-in-law"
        " brother-in-law in-laws godmother godfather godson goddaughter ex-wife ex-husband ",
    [NIMA_LIST_PEOPLE] =
        " friend bestie roommate flatmate housemate colleague coworker co-worker boss manager"
        " supervisor neighbor neighbour teammate mentor therapist coach classmate landlord landlady"
        " assistant bandmate cofounder co-founder advisor adviser nanny ",
    [NIMA_LIST_PETS] =
        " dog puppy cat kitten hamster parrot parakeet budgie canary horse pony rabbit bunny fish"
        " goldfish turtle tortoise bird ferret snake lizard gecko iguana pet gerbil rat chinchilla"
        " guinea chicken hen goat sheep cow donkey alpaca bees bee labrador poodle retriever beagle"
        " dachshund corgi terrier ",
    [NIMA_LIST_POSSESSIONS] =
        " car bike bicycle motorcycle motorbike scooter house flat apartment condo cottage cabin "
        "boat"
        " yacht laptop phone computer desktop tablet guitar piano violin cello drum drums ukulele"
        " banjo trumpet saxophone flute garden balcony backyard camera van truck pickup camper"
        " caravan telescope printer kiln loom mortgage tattoo tattoos piercing farm vineyard "
        "cat-flap"
        " pool greenhouse allotment record records collection library workshop studio drone console"
        " playstation xbox kindle ipad iphone macbook thinkpad tv television license licence "
        "passport"
        " visa shop store bookshop bakery restaurant cafe café bar gallery salon gym company "
        "business"
        " agency startup land ",
    [NIMA_LIST_WORK] =
        " job team company startup employer office business profession occupation role salary shift"
        " shifts industry employees workplace career department boss clinic practice restaurant "
        "shop"
        " bakery store ",
    [NIMA_LIST_PROJECTS] =
        " project app website thesis dissertation novel book blog podcast channel game band album"
        " newsletter repo ",
    [NIMA_LIST_EDUCATION] =
        " degree phd doctorate master masters master's bachelor bachelor's mba diploma major minor"
        " university college school certificate certification license licence exam scholarship ",
    [NIMA_LIST_HEALTH] =
        " diabetes asthma adhd add allergy allergies celiac coeliac disease disorder condition"
        " anxiety depression arthritis epilepsy insomnia migraine fear phobia intolerance autism"
        " dyslexia cancer eczema psoriasis hypertension tinnitus scoliosis endometriosis pcos ibs"
        " ptsd ocd vertigo anemia hypothyroidism sclerosis pacemaker prosthesis hearing-aid ",
    [NIMA_LIST_GOALS] = " goal dream resolution aim ambition plan ",
    [NIMA_LIST_TOOLS] =
        " editor ide stack os browser setup distro shell terminal keyboard framework ",
    [NIMA_LIST_HOBBIES] = " hobby hobbies passion pastime pastimes interests sport ",
    [NIMA_LIST_PERSON] =
        " nurse teacher doctor engineer developer programmer designer student architect lawyer chef"
        " cook baker barista waiter waitress carpenter plumber electrician mechanic farmer pilot"
        " driver translator interpreter writer author journalist editor photographer painter "
        "musician"
        " singer guitarist drummer pianist violinist actor actress dancer artist scientist "
        "researcher"
        " physicist chemist biologist mathematician statistician economist accountant auditor "
        "banker"
        " analyst consultant manager director ceo cto cfo coo founder cofounder co-founder"
        " entrepreneur owner freelancer contractor librarian professor lecturer tutor pediatrician"
        " surgeon dentist veterinarian vet pharmacist psychologist psychiatrist therapist"
        " physiotherapist paramedic firefighter soldier veteran policeman policewoman officer"
        " detective judge paralegal secretary receptionist cashier salesman salesperson saleswoman"
        " marketer recruiter administrator admin sysadmin intern apprentice trainee graduate"
        " postdoc phd undergrad freshman sophomore senior pensioner retiree widow widower mother"
        " father mom mum dad parent grandmother grandfather grandparent son daughter twin child"
        " vegetarian vegan pescatarian introvert extrovert ambivert atheist agnostic christian "
        "muslim"
        " jew buddhist hindu sikh catholic protestant minimalist perfectionist optimist pessimist"
        " feminist owl person bird user-experience gardener beekeeper runner cyclist climber hiker"
        " swimmer surfer skier swimmer-coach gamer reader smoker nonsmoker non-smoker "
        "vegetarian-cook"
        " diabetic celiac coeliac asthmatic insomniac expat immigrant refugee citizen native "
        "resident"
        " homeowner landlord tenant local newcomer beginner novice hobbyist amateur fan supporter"
        " tailor seamstress florist butcher welder machinist technician operator bricklayer roofer"
        " locksmith hairdresser barber beautician cleaner janitor caretaker nanny au-pair midwife"
        " counselor counsellor coach trainer referee athlete footballer goalkeeper boxer sailor"
        " captain steward stewardess attendant controller dispatcher courier postman guard bouncer"
        " geologist historian archaeologist anthropologist sociologist linguist philosopher"
        " theologian priest pastor imam rabbi monk nun missionary comedian magician composer "
        "producer"
        " conductor dj filmmaker animator illustrator sculptor potter jeweler jeweller blacksmith"
        " brewer winemaker sommelier bartender streamer youtuber blogger podcaster influencer model"
        " freelancer copywriter proofreader strategist planner broker trader realtor estate-agent"
        " biochemist neuroscientist astronomer meteorologist oceanographer ecologist botanist"
        " zoologist geneticist radiologist cardiologist neurologist oncologist dermatologist"
        " anesthesiologist gp optician optometrist orthodontist dietitian nutritionist masseur"
        " masseuse housewife househusband homemaker stay-at-home caregiver carer lefty user"
        " politician diplomat activist mayor ",
    [NIMA_LIST_NOT_PERSON] =
        " bit little lot number member matter loser mess failure genius idiot believer stranger "
        "danger"
        " computer robot human customer liar nobody somebody wreck nightmare while computer-user"
        " moment minute second hurry rush fool problem question bother mystery wonder ",
    [NIMA_LIST_NATIONS] =
        " american british english scottish welsh irish french german spanish portuguese italian"
        " dutch belgian swiss austrian polish czech slovak slovenian croatian serbian bosnian"
        " hungarian romanian bulgarian greek turkish russian ukrainian belarusian lithuanian "
        "latvian"
        " estonian finnish swedish norwegian danish icelandic canadian mexican brazilian "
        "argentinian"
        " argentine chilean peruvian colombian venezuelan cuban dominican jamaican haitian"
        " guatemalan bolivian ecuadorian uruguayan chinese japanese korean taiwanese vietnamese "
        "thai"
        " filipino filipina indonesian malaysian singaporean indian pakistani bangladeshi nepali"
        " nepalese lankan afghan iranian persian iraqi syrian lebanese israeli palestinian "
        "jordanian"
        " egyptian moroccan tunisian algerian libyan sudanese ethiopian eritrean somali kenyan"
        " ugandan tanzanian nigerian ghanaian senegalese cameroonian congolese angolan mozambican"
        " zimbabwean african australian kiwi maltese cypriot albanian armenian georgian azerbaijani"
        " kazakh uzbek mongolian catalan basque galician sicilian bavarian european asian latino"
        " latina hispanic arab kurdish jewish muslim christian catholic protestant orthodox "
        "buddhist"
        " hindu sikh mormon lutheran methodist baptist quaker ",
    [NIMA_LIST_STATES] =
        " married single divorced engaged widowed separated pregnant retired unemployed "
        "self-employed"
        " freelance freelancing left-handed right-handed lefthanded ambidextrous colorblind"
        " colourblind color-blind colour-blind blind deaf hard-of-hearing diabetic asthmatic"
        " celiac coeliac autistic dyslexic epileptic bilingual trilingual multilingual atheist"
        " agnostic religious gay lesbian bisexual bi queer straight trans transgender nonbinary"
        " non-binary asexual vegetarian vegan pescatarian gluten-free dairy-free teetotal sober"
        " nearsighted near-sighted shortsighted short-sighted farsighted lactose-intolerant adopted"
        " homeschooled introverted extroverted neurodivergent halal kosher ",
    [NIMA_LIST_DIETS] =
        " vegetarian vegan pescatarian gluten-free dairy-free halal kosher keto paleo ",
    [NIMA_LIST_MARITAL] = " married single divorced engaged widowed separated ",
    [NIMA_LIST_DEICTIC] =
        " this that these those it its your you yours here there him her them his their what how "
        "when"
        " why which where who something anything nothing everything someone anyone one such another"
        " so too more same each both all other others ",
    [NIMA_LIST_PASSING] =
        " question questions problem problems issue issues idea ideas bug bugs error errors meeting"
        " mess disaster joke fight process node component element column feeling doubt doubts "
        "request task tasks headache cold plan plans deadline suspicion "
        "minute"
        " moment second look chance time exam test tests interview function file files list table"
        " array string class script code email emails letter message reply homework assignment "
        "report"
        " query document paragraph essay presentation clue choice option right point word words"
        " example scenario situation thing things variable loop method module answer answers "
        "template"
        " response summary text sentence draft fever flu reason trouble way hunch impression "
        "hangover"
        " appointment call note notes link step steps concern concerns reservation go feature pr"
        " commit build dataset spreadsheet image picture photo favor favour ticket ",
    [NIMA_LIST_UNREAL] =
        " if would could should might maybe perhaps probably possibly imagine suppose supposing"
        " pretend assume assuming hypothetically theoretically wish wished dreamed dreamt dreaming"
        " unless whether almost nearly allegedly supposedly apparently ought ",
    [NIMA_LIST_ASKING] =
        " what what's whats who who's whose whom which when where where's why how how's do does did"
        " am is are was were can could should would will shall have has had isn't aren't wasn't"
        " weren't don't doesn't didn't can't couldn't shouldn't wouldn't won't haven't hasn't any"
        " anyone anybody ",
    [NIMA_LIST_SUBORDINATE] = " because cause 'cause cuz although though while whereas which who "
                              "whose when whenever until"
                              " till that where so-that given considering despite ",
    [NIMA_LIST_PREPOSITIONS] =
        " in on at since every during after before for as most from by with until each throughout ",
    [NIMA_LIST_ADVERBS] =
        " currently now also just really actually still presently personally absolutely truly "
        "simply"
        " already originally definitely basically certainly honestly both proudly happily literally"
        " very quite pretty fairly totally completely obviously ",
    [NIMA_LIST_FREQUENCY] =
        " usually always often sometimes typically generally mostly mainly rarely seldom recently"
        " normally regularly occasionally frequently never primarily partly formerly previously"
        " secretly barely hardly ",
    [NIMA_LIST_LANGUAGES] =
        " english french german spanish portuguese italian dutch polish czech slovak slovenian"
        " croatian serbian hungarian romanian bulgarian greek turkish russian ukrainian lithuanian"
        " latvian estonian finnish swedish norwegian danish icelandic chinese mandarin cantonese"
        " japanese korean vietnamese thai tagalog filipino indonesian malay hindi punjabi bengali"
        " urdu tamil telugu marathi gujarati kannada malayalam nepali sinhala persian farsi pashto"
        " dari arabic hebrew amharic swahili yoruba igbo hausa zulu xhosa afrikaans somali catalan"
        " basque galician welsh irish gaelic scottish esperanto latin sanskrit kurdish armenian"
        " georgian kazakh uzbek mongolian tibetan burmese khmer lao quechua guarani maori hawaiian"
        " yiddish luxembourgish maltese albanian macedonian bosnian asl ",
    [NIMA_LIST_OFTEN] =
        " every daily weekly monthly each mornings evenings nights afternoons weekends weekend"
        " mondays tuesdays wednesdays thursdays fridays saturdays sundays monday tuesday wednesday"
        " thursday friday saturday sunday twice once regularly usually always often times day week"
        " lot bed breakfast lunch dinner morning evening night am pm ",
    [NIMA_LIST_FICTION] =
        " story game life novel book movie film scene dream world scenario song play universe role"
        " example poem text sentence picture screenplay fantasy character adventure campaign ",
    [NIMA_LIST_THE] =
        " sea ocean mountains mountain beach outdoors rain snow cold heat winter summer autumn "
        "spring"
        " night city countryside country forest woods desert piano guitar violin cello drums "
        "trumpet"
        " flute saxophone bass harp organ accordion banjo ukulele gym theater theatre cinema opera"
        " ballet train subway metro bus tube ",
    [NIMA_LIST_MONTHS] =
        " january february march april may june july august september october november december"
        " jan feb mar apr jun jul aug sep sept oct nov dec ",
};

bool nima_memory_listed(enum nima_word_list list, const char *word)
{
    size_t len = strlen(word);
    const char *at = lists[list];
    while (len > 0 && (at = strstr(at, word)) != NULL) {
        if (at[-1] == ' ' && at[len] == ' ') {
            return true;
        }
        at++;
    }
    return false;
}

bool nima_memory_listed_noun(enum nima_word_list list, const char *word)
{
    char singular[64];
    size_t len = strlen(word);
    if (nima_memory_listed(list, word)) {
        return true;
    }
    if (len < 4 || len >= sizeof(singular) || word[len - 1] != 's') {
        return false;
    }
    snprintf(singular, sizeof(singular), "%.*s", (int)len - 1, word);
    return nima_memory_listed(list, singular);
}

const char *nima_memory_one_word(const char *word)
{
    static const char *const same[][2] = {{"mum", "mother"},
                                          {"mom", "mother"},
                                          {"mummy", "mother"},
                                          {"mommy", "mother"},
                                          {"mama", "mother"},
                                          {"mam", "mother"},
                                          {"dad", "father"},
                                          {"daddy", "father"},
                                          {"papa", "father"},
                                          {"pa", "father"},
                                          {"grandma", "grandmother"},
                                          {"granny", "grandmother"},
                                          {"nan", "grandmother"},
                                          {"nana", "grandmother"},
                                          {"gran", "grandmother"},
                                          {"grandpa", "grandfather"},
                                          {"granddad", "grandfather"},
                                          {"grandad", "grandfather"},
                                          {"hubby", "husband"},
                                          {"wifey", "wife"},
                                          {"bro", "brother"},
                                          {"sis", "sister"},
                                          {"auntie", "aunt"},
                                          {"kid", "child"},
                                          {"kids", "children"},
                                          {"colour", "color"},
                                          {"flavour", "flavor"},
                                          {"theatre", "theater"},
                                          {"programme", "program"},
                                          {"movie", "film"},
                                          {"elder", "older"},
                                          {"big", "older"},
                                          {"little", "younger"},
                                          {"eldest", "oldest"},
                                          {"ex", "former"}};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        if (strcmp(word, same[i][0]) == 0) {
            return same[i][1];
        }
    }
    return word;
}
