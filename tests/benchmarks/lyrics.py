"""Lyrics written for the measurements, a line a phrase, an empty one a pause.

The first five were there while the voice was made; the second five are new to it, as are those of other languages.
"""

LYRICS = (
    """I bought a ticket to the city
With the money that I made
There was music in the station
And a stranger there who played
He was singing of a mountain
He was singing of the sea
And the people stopped to listen
And he sang it all for me

Oh, play it one more time
Play it till the morning
Oh, leave it in my mind
A song without a warning

Now I work beside a window
And I see the trains go by
I can hear the music playing
When the birds begin to fly
If you ever cross that station
Put a dollar in his hand
He will sing about the mountain
And a very distant land""",
    """Turn the lights down, close the door
Nobody can hear us any more
Tell me something that is true
Everything I have belongs to you

We were children in the snow
That was twenty years ago
Now the city never sleeps
There are promises to keep

Dance with me across the floor
Like we never danced before
Dance until the night is gone
Dance until we see the dawn

Turn the radio up high
Let the neighbors wonder why
Two old people in the hall
With their shadows on the wall
Tell me something that is new
I will spend my life with you

Dance with me across the floor
Like we never danced before
Dance until the night is gone
Dance until we see the dawn""",
    """Summer came and summer went
Every penny has been spent
On the ice cream and the ride
On the boats along the side
You were laughing in the sun
You were always number one
Now the leaves are turning red
And I think of what you said

Write me a letter, write me a line
Tell me the weather is perfectly fine
Write me a letter, send me a word
Tell me the funniest thing that you heard

Winter comes and winter goes
Under ice the river flows
I am waiting for the day
When the cold will go away
You'll be standing at the gate
I'll be there and I'll be late
Write me a letter, write me a line
Tell me the weather is perfectly fine""",
    """The moon is high above the hill
The town is quiet now and still
The baby closes both her eyes
And dreams of birds and butterflies
The kitchen clock is ticking slow
The fire has a golden glow
The cat is sleeping in the chair
And there is music in the air

Sleep now, my dear, sleep now
The wind is in the tree
Sleep now, my dear, sleep now
And dream a dream for me

Tomorrow there will be a sun
Tomorrow you will learn to run
And you will see the open sky
And you will ask me how and why
But now the moon is in the sea
And you are here asleep with me
The town is quiet now and still
The moon is high above the hill""",
    """One for the farmer, two for the king
Three for the children learning to sing
Four for the soldier who never came back
Five for the engine that runs on the track

Count them, count them, one by one
Count them till the song is done
Count them slowly, count them fast
The first of them will be the last

Six for the teacher, seven for the cook
Eight for the woman who wrote us the book
Nine for the doctor who opened the door
Ten for the people who asked for some more

Count them, count them, one by one
Count them till the song is done
All of the numbers are under the sun
The river goes on and the river will run
Sing it together and sing it again
Count them, my brothers, and count to ten""",
    """Somebody painted the garden fence
Yellow and green for a couple of cents
Nobody asked him and nobody knew
Why he had painted the windows too
Every bird in the neighborhood came
Calling the painter a beautiful name
Children were standing around in the street
Dancing in paint with their beautiful feet

Color the morning, color the day
Color the clouds that are drifting away
Give me a brush and a ladder to climb
I will paint over the winter in time

Now there is snow on the garden again
All of the colors are under it then
But when the sun has been working a week
Yellow and green will be starting to speak""",
    """Train at the platform, bag in my hand
I have a map of a faraway land
Mother is crying and father is too
I told them both that I have to go through

Over the mountain, over the plain
Nothing to carry but letters and rain
Someone will know me wherever I go
Someone will open the door to the snow

First there were houses and then there were none
Only the fields in the afternoon sun
A soldier was sleeping, a woman was old
She gave me an apple, she told me a story she told

Over the mountain, over the plain
Nothing to carry but letters and rain
Someone will know me wherever I go
Someone will open the door to the snow""",
    """The baker gets up at a quarter to three
He opens the oven and hums to the sea
The bread and the butter, the salt and the grain
He kneads it and leaves it and kneads it again

Bread in the morning, bread in the night
Everyone hungry is coming tonight
Bring me your brother and bring me your friend
There will be enough of it right to the end

The doctor is buying a loaf for the week
The teacher is laughing and kissing his cheek
A little boy carries a dollar and ten
And drops it and finds it and drops it again

Bread in the morning, bread in the night
Everyone hungry is coming tonight
Bring me your brother and bring me your friend
There will be enough of it right to the end""",
    """Under the table my grandmother kept
A box full of letters, she read them and wept
I never did ask her what anyone wrote
She carried the key in the sleeve of her coat

Tell me, old river, what did you see
Two people dancing beneath the oak tree
He had a hat and she had a red dress
How did it finish, I never could guess

Later I opened the box on my own
Pictures of somebody I had not known
One of them said on the back of the frame
Wait for me, darling, and gave her a name

Tell me, old river, what did you see
Two people dancing beneath the oak tree
He had a hat and she had a red dress
How did it finish, I never could guess""",
    """Monday I promised to clean up my room
Tuesday I carried the bucket and broom
Wednesday I looked at the dust on the floor
Thursday I quietly closed the door

Lazy old summer, lazy old me
Lying all day in the shade of a tree
Ask me tomorrow, tomorrow is fine
I will be working from seven to nine

Friday my sister was banging the wall
Saturday nobody saw me at all
Sunday my father was reading the news
He said that he could not find his shoes

Lazy old summer, lazy old me
Lying all day in the shade of a tree
Ask me tomorrow, tomorrow is fine
I will be working from seven to nine""",
)

OTHERS = {
    "es": """La noche llega sobre la ciudad
Y yo camino sin saber por qué
Las luces duermen en el viejo mar
Y nadie sabe dónde te encontré
Recuerdo el nombre de una canción
Que tú cantabas al amanecer
Y todavía vive en mi corazón
La casa blanca donde te besé

Vuelve conmigo, vuelve otra vez
Vuelve a la tierra que te vio nacer
Vuelve conmigo, no digas adiós
Que todo el tiempo es para los dos

Mañana el tren se va con el sol
Y en la ventana pongo una flor
Si tú la miras al despertar
Sabrás que nunca te quise olvidar
La lluvia limpia la calle mayor
Los niños juegan con un tambor
Y yo te espero como un farol""",
    "fr": """La nuit descend sur la ville endormie
Je marche seul avec ma mélodie
Les lampes brillent le long de la mer
Et je me souviens de ton dernier hiver
Tu avais une robe couleur de pluie
Tu me disais que la vie est jolie
Et moi je gardais dans ma main fermée
La petite clé que tu m'as donnée

Reviens, mon amour, reviens avec moi
Le jardin fleurit et n'attend que toi
Reviens, mon amour, la porte est ouverte
La table est mise et la lampe est verte

Demain le train partira sans moi
Je resterai sous le même toit
Je compterai les étoiles du ciel
Et je mettrai dans ton café du miel
Les enfants chantent au coin de la rue
Une chanson que nous avons connue""",
    "de": """Die Nacht kommt leise über das Land
Ich halte einen Brief in meiner Hand
Der Wind erzählt mir von dem weiten Meer
Und alle Straßen sind heute leer
Ich denke oft an das kleine Haus
Wir sahen zusammen zum Fenster hinaus
Du hast gesungen, ich habe gelacht
Wir haben ein Feuer im Garten gemacht

Komm wieder nach Hause, komm wieder zu mir
Die Lampe am Fenster brennt immer noch hier
Komm wieder nach Hause, der Winter ist lang
Ich höre im Dunkel noch deinen Gesang

Am Morgen fährt der Zug in die Stadt
Die keine Bäume und Blumen hat
Ich bleibe hier und warte auf dich
Und manchmal denkst du vielleicht an mich
Der alte Hund liegt müde vor der Tür""",
}
